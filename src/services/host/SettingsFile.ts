/** Reads the configuration file and its drop-ins. */
import { isUtf8 } from "node:buffer"
import * as Either from "effect/Either"
import ini from "ini"
import * as Settings from "../../domain/settings/Settings.ts"
import * as BoundedDirectory from "../files/BoundedDirectory.ts"
import * as BoundedFile from "../files/BoundedFile.ts"
import * as DropInFiles from "../files/DropInFiles.ts"
import * as Privileges from "../files/Privileges.ts"

/** The default file, which may be missing. */
export const DEFAULT_FILE = "/etc/oci-generator.conf"

/**
 * The directories of drop-ins. As for systemd's own, a file hides those with its name in earlier directories
 * (systemd-system.conf(5)).
 */
const DROP_IN_DIRECTORIES = ["/usr/lib", "/run", "/etc"].map((parent) => `${parent}/oci-generator.conf.d`)

/** The largest configuration file that is read. */
const MAX_FILE = 1024 * 1024
/** The most entries of a directory that are read. */
const MAX_DROP_INS = 1000

/** Settings, and the problems of their files. */
export interface LoadedSettings {
  readonly settings: Settings.Settings
  /** Lines that were ignored, one sentence each. */
  readonly warnings: readonly string[]
}

/** The places of configuration files. */
export interface Places {
  readonly file: string
  /** The least important directory first. */
  readonly dropIns: readonly string[]
}

/** `/etc/oci-generator.conf`, and its drop-ins. */
export const DEFAULT_PLACES: Places = { file: DEFAULT_FILE, dropIns: DROP_IN_DIRECTORIES }

/**
 * Loads settings. Without `file`, the default file and the drop-ins are read, and all may be missing. With `file`,
 * only that file is read, and it must exist.
 */
export const load = (
  file: string | undefined,
  places: Places = DEFAULT_PLACES
): Either.Either<LoadedSettings, BoundedFile.FileRefused> => {
  const lines: Settings.Line[] = []
  const warnings: string[] = []
  const found = file === undefined ? dropIns(places.dropIns) : NO_DROP_INS
  if (found.denied !== undefined) return Either.left(found.denied)
  for (const directory of found.cut) {
    warnings.push(`${directory} has more than ${MAX_DROP_INS} entries: the others are not read`)
  }
  for (const path of [file ?? places.file, ...found.paths]) {
    const read = BoundedFile.read(path, MAX_FILE)
    if (Either.isLeft(read)) {
      // A caller who lacks permission for some of the files must not get defaults instead of the configuration.
      if (file !== undefined || Privileges.isDenied(read.left)) return Either.left(read.left)
      // A drop-in that is listed and missing is a link that leads nowhere.
      if (read.left.code !== "ENOENT" || path !== places.file) warnings.push(read.left.message)
      continue
    }
    const content = read.right
    if (!isUtf8(content)) warnings.push(`${path} is not UTF-8: invalid bytes are shown as �`)
    const parsed = parse(path, content.toString("utf8"))
    lines.push(...parsed.lines)
    warnings.push(...parsed.warnings)
  }
  const { settings, refused } = Settings.fromLines(lines)
  return Either.right({ settings, warnings: [...warnings, ...refused.map((error) => error.message)] })
}

const NO_DROP_INS: DropIns = { paths: [], cut: [] }

/** Selects drop-ins by name, across directories. */
const dropIns = (directories: readonly string[]): DropIns => {
  const byName = new Map<string, string>()
  const cut: string[] = []
  let denied: BoundedFile.FileRefused | undefined
  for (const directory of directories) {
    const listing = BoundedDirectory.list(directory, MAX_DROP_INS)
    if (Either.isLeft(listing)) {
      if (Privileges.isDenied(listing.left)) denied = listing.left
      continue
    }
    if (listing.right.isCut) cut.push(directory)
    for (const { name } of listing.right.entries)
      if (name.endsWith(".conf")) byName.set(name, `${directory}/${name}`)
  }
  return { paths: DropInFiles.inOrder(byName), cut, ...(denied === undefined ? {} : { denied }) }
}

interface DropIns {
  readonly paths: readonly string[]
  /** Directories with too many entries. */
  readonly cut: readonly string[]
  /** A directory that the caller lacks permission to read. */
  readonly denied?: BoundedFile.FileRefused
}

/**
 * Splits a file into sections and `key = value` lines, and reports other lines. `ini` reads the values, but gets each
 * line alone, because it splits section names at dots, merges repeated sections, and gives no line numbers.
 */
const parse = (
  file: string,
  text: string
): { readonly lines: readonly Settings.Line[]; readonly warnings: readonly string[] } => {
  const lines: Settings.Line[] = []
  const warnings: string[] = []
  let section = ""
  text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\n|\r/)
    .forEach((source, index) => {
      const line = index + 1
      const header = HEADER.exec(source)?.[1]
      if (header !== undefined) {
        section = header.trim()
        lines.push({ file, line, section })
      } else if (!/^\s*(?:[#;].*)?$/.test(source)) {
        const [key, value] = /^\s*[^=\s[][^=]*=/.test(source)
          ? (Object.entries(ini.parse(source))[0] ?? [])
          : []
        if (key === undefined) {
          warnings.push(`${file}:${line}: neither a [section] nor “key = value”`)
          // What follows a malformed head was not meant for the section before it.
          if (/^\s*\[/.test(source)) section = source.trim()
        } else {
          // `ini` takes `key[]` for a list.
          const name = Array.isArray(value) ? `${key.toLowerCase()}[]` : key.toLowerCase()
          const said = Settings.isVerbatim(name)
            ? source.slice(source.indexOf("=") + 1).trim()
            : String(value)
          lines.push({ file, line, section, key: name, value: said })
        }
      }
    })
  return { lines, warnings }
}

/** The head of a section, which a comment may follow. */
const HEADER = /^\s*\[([^\]]*)\]\s*(?:[#;].*)?$/
