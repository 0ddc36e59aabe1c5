/**
 * Examines the parts of this program: the generator that systemd runs, the Node that runs both programs, the native
 * code.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Either from "effect/Either"
import * as Diagnosis from "../../domain/machine/Diagnosis.ts"
import type { NativeCallsUnavailable } from "../files/NativeCalls.ts"
import * as MachineExamination from "../host/MachineExamination.ts"

/** Examines. `root` is the machine's file system tree; tests set it, and it is otherwise empty. */
export const examine = (root = ""): readonly Diagnosis.Diagnosis[] => [
  generator(root),
  node(process.versions.node)
]

/** Checks that koffi can be loaded, which extraction needs. */
export const native = (loaded: Either.Either<unknown, NativeCallsUnavailable>): Diagnosis.Diagnosis =>
  Either.match(loaded, {
    onRight: () => Diagnosis.ok("native code", `koffi, for ${process.platform}-${process.arch}`),
    onLeft: ({ cause, message }) =>
      Diagnosis.problem(
        "native code",
        `${message}: ${cause instanceof Error ? cause.message.split("\n")[0] : cause}`,
        "install the program again, with koffi for this machine beside it"
      )
  })

const node = (version: string): Diagnosis.Diagnosis =>
  Number.parseInt(version, 10) >= OLDEST_NODE
    ? Diagnosis.ok("Node", `version ${version}`)
    : Diagnosis.problem("Node", `version ${version}`, `${OLDEST_NODE} or later is needed`)

const generator = (root: string): Diagnosis.Diagnosis => {
  const found = DIRECTORIES.map((directory) => `${root}${directory}/oci-systemd-generator`).filter(
    (path) => fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined
  )
  const [link] = found
  if (link === undefined) {
    return Diagnosis.problem("generator", "is not installed: systemd sees no images", "oci-systemd install")
  }
  let real: string
  try {
    real = fs.realpathSync(link)
  } catch {
    return Diagnosis.problem(
      "generator",
      `${link} leads to ${fs.readlinkSync(link)}, which does not exist`,
      "oci-systemd install"
    )
  }
  if (real === "/dev/null" || fs.statSync(real).size === 0) {
    return Diagnosis.problem("generator", `${link} masks it`, `rm ${link}`)
  }
  return (
    problemOf(real, root) ??
    behind(real, root) ??
    Diagnosis.ok("generator", real === link ? link : `${link}, which is ${real}`)
  )
}

/** `oci-generator` runs the generator, which lies beside it, whenever it has no valid memory. */
const behind = (script: string, root: string): Diagnosis.Diagnosis | undefined => {
  if (path.basename(script) !== "oci-generator") return undefined
  const program = path.join(path.dirname(script), "oci-systemd-generator")
  const found = [program, `${program}.cjs`].find((file) => fs.existsSync(file))
  return found === undefined
    ? Diagnosis.problem("generator", `${program} is missing, which ${script} runs`, "oci-systemd install")
    : problemOf(found, root)
}

const problemOf = (program: string, root: string): Diagnosis.Diagnosis | undefined => {
  if (!MachineExamination.isExecutable(program)) {
    return Diagnosis.problem("generator", `${program} is not executable`, `chmod 755 ${program}`)
  }
  const interpreter = interpreterOf(program, root)
  return interpreter === undefined
    ? undefined
    : Diagnosis.problem(
        "generator",
        `${program} wants ${interpreter}, which systemd does not find`,
        `install Node where systemd looks (${MachineExamination.SYSTEMD_PATH.slice(0, 4).join(", ")}), or oci-systemd install, which records its path`
      )
}

/** Returns the interpreter that a script names, if it is missing. */
const interpreterOf = (path: string, root: string): string | undefined => {
  const head = Buffer.alloc(256)
  const fd = fs.openSync(path, "r")
  try {
    fs.readSync(fd, head)
  } finally {
    fs.closeSync(fd)
  }
  const [, program = "", first = "", second = ""] =
    /^#! *(\S+)(?: +(\S+))?(?: +(\S+))?/.exec(head.toString("latin1").split("\n")[0] ?? "") ?? []
  if (program === "") return undefined
  const name = program.endsWith("/env") ? (first === "-S" ? second : first) : ""
  if (name === "") return MachineExamination.isExecutable(`${root}${program}`) ? undefined : program
  const isThere = MachineExamination.SYSTEMD_PATH.some((directory) =>
    MachineExamination.isExecutable(`${root}${directory}/${name}`)
  )
  return isThere ? undefined : `${name}`
}

/** The directories of generators, the most important first (systemd.generator(7)). */
const DIRECTORIES = ["/run", "/etc", "/usr/local/lib", "/usr/lib", "/lib"].map(
  (directory) => `${directory}/systemd/system-generators`
)
const OLDEST_NODE = 20
