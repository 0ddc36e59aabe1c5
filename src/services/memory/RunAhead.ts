/**
 * Writes the shell script that repeats a run for the next boot, with the arguments that systemd would use.
 * `oci-remember.service` runs it.
 */
import * as fs from "node:fs"
import { AHEAD, kept } from "../../domain/unit/MemoryUnits.ts"
import * as AtomicReplace from "../files/AtomicReplace.ts"
import * as GeneratorEnvironment from "../host/GeneratorEnvironment.ts"
import * as MemoryDirectory from "./MemoryDirectory.ts"

/** Writes the script beside the memory. If it cannot be written, the next boot has no memory. */
export const write = (request: GeneratorEnvironment.MemoryRequest, extractsdir: string): void => {
  try {
    MemoryDirectory.make(request.directory)
    AtomicReplace.replace(`${request.directory}/${AHEAD}`, (temporary) =>
      fs.writeFileSync(temporary, text(request, extractsdir), { flag: "wx", mode: 0o600 })
    )
  } catch {
    // The file system is full or read-only.
  }
}

const text = ({ config, script }: GeneratorEnvironment.MemoryRequest, extractsdir: string): string => {
  const given = GeneratorEnvironment.of()
  const variables = GeneratorEnvironment.NAMES.map((name) => {
    const value = given[name]
    return value === undefined ? `unset ${name}` : `export ${name}=${quoted(value)}`
  })
  return [
    `[ -d ${quoted(extractsdir)} ] || exit 0`,
    ...variables,
    `export OCI_GENERATOR_AHEAD=1 OCI_GENERATOR_MEMORY=${quoted(kept(extractsdir))} SYSTEMD_EXEC_PID=$$`,
    `exec ${quoted(script)} ${config === undefined ? "" : `-config ${quoted(config)} `}/tmp`,
    ""
  ].join("\n")
}

/** Quotes one word for a shell. */
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`
