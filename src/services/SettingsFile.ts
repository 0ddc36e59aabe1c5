/** Reads the configuration file and its drop-ins. */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import ini from "ini"
import * as Settings from "../domain/Settings.ts"
import * as BoundedFile from "./BoundedFile.ts"

export const DEFAULT_FILE = "/etc/oci-generator.conf"

/** Drop-ins, as for systemd's own files: of two with one name the earlier directory's counts. */
const DROP_IN_DIRECTORIES = ["/etc", "/run", "/usr/lib"].map((parent) => `${parent}/oci-generator.conf.d`)

/** No configuration is larger. */
const MAX_FILE = 1024 * 1024

export interface LoadedSettings {
  readonly settings: Settings.Settings
  /** What was passed over, one sentence each. */
  readonly warnings: readonly string[]
}

/**
 * Without `file` the default file and the drop-ins are read, and all may be missing. A file that was asked for by name
 * stands alone, and must be there.
 */
export const load = (file: string | undefined): Effect.Effect<LoadedSettings, BoundedFile.FileRefused> =>
  Effect.gen(function* () {
    const lines: Settings.Line[] = []
    const warnings: string[] = []
    for (const path of file === undefined ? [DEFAULT_FILE, ...dropIns()] : [file]) {
      const content = yield* BoundedFile.read(path, MAX_FILE).pipe(
        Effect.catchAll((error) => {
          if (file !== undefined) return Effect.fail(error)
          if (error.code !== "ENOENT") warnings.push(error.message)
          return Effect.succeed(undefined)
        })
      )
      if (content !== undefined) lines.push(...parse(path, content.toString("utf8")))
    }
    const { settings, refused } = Settings.fromLines(lines)
    return { settings, warnings: [...warnings, ...refused.map((error) => error.message)] }
  })

const dropIns = (): readonly string[] => {
  const byName = new Map<string, string>()
  for (const directory of DROP_IN_DIRECTORIES) {
    for (const name of namesIn(directory)) {
      if (name.endsWith(".conf") && !byName.has(name)) byName.set(name, `${directory}/${name}`)
    }
  }
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path)
}

const namesIn = (directory: string): readonly string[] => {
  try {
    return fs.readdirSync(directory)
  } catch {
    return []
  }
}

/**
 * The `key = value` lines of a file. `ini` reads the values; a line is given to it with its section alone, because it
 * splits section names at dots, merges sections that come twice, and tells no line numbers.
 */
export const parse = (file: string, text: string): readonly Settings.Line[] => {
  const lines: Settings.Line[] = []
  let section = ""
  text.split(/\r\n|\n|\r/).forEach((source, index) => {
    const header = /^\s*\[(.*)\]\s*$/.exec(source)?.[1]
    if (header !== undefined) {
      section = header.trim()
      return
    }
    for (const [key, value] of Object.entries(ini.parse(source))) {
      lines.push({
        file,
        line: index + 1,
        section,
        key: key.toLowerCase(),
        value: typeof value === "object" ? "" : String(value)
      })
    }
  })
  return lines
}
