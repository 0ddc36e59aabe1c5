/**
 * The configuration: `/etc/oci-generator.conf`, its drop-ins, and what they may say.
 *
 *     [system]
 *     imagelayoutdir = PATH        where the layouts are
 *     extractsdir    = PATH        where images are extracted to
 *     [image PATTERN]              for images whose LAYOUT:REF the pattern matches: "*" is any text;
 *     root     = MODE              the more exact pattern wins, and of equals the later
 *     wantedby = UNIT ...
 */
import * as Data from "effect/Data"
import { display, type ImageName } from "./ImageName.ts"

export interface SystemSettings {
  readonly imagelayoutdir: string
  readonly extractsdir: string
}

export const ROOT_MODES = ["ephemeral", "persistent"] as const
/** Both are writable: what is written is thrown away on stop, or kept. */
export type RootMode = (typeof ROOT_MODES)[number]

export interface ImageSettings {
  readonly root: RootMode
  /** Units that pull the image's service in. */
  readonly wantedby: readonly string[]
}

export interface Settings {
  readonly system: SystemSettings
  readonly rules: readonly Rule[]
}

/** A line of an `[image PATTERN]` section. */
export interface Rule {
  readonly pattern: string
  readonly settings: Partial<ImageSettings>
}

export const DEFAULT_SYSTEM: SystemSettings = {
  imagelayoutdir: "/var/lib/oci/layouts",
  extractsdir: "/var/lib/oci/extracts"
}

export const DEFAULT_IMAGE: ImageSettings = { root: "ephemeral", wantedby: [] }

export const DEFAULTS: Settings = { system: DEFAULT_SYSTEM, rules: [] }

/** One `key = value` of a configuration file. */
export interface Line {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly section: string
  readonly key: string
  readonly value: string
}

/** A line that says nothing we understand. It is passed over; the rest of the file counts. */
export class SettingRefused extends Data.TaggedError("SettingRefused")<{
  readonly file: string
  readonly line: number
  readonly reason: string
}> {
  override get message(): string {
    return `${this.file}:${this.line}: ${this.reason}`
  }
}

/** Lines in the order of their files; what later ones say of one thing replaces what earlier ones said. */
export const fromLines = (
  lines: readonly Line[]
): { readonly settings: Settings; readonly refused: readonly SettingRefused[] } => {
  const system: { -readonly [K in keyof SystemSettings]: SystemSettings[K] } = { ...DEFAULT_SYSTEM }
  const rules: Rule[] = []
  const refused: SettingRefused[] = []
  for (const line of lines) {
    const refuse = (reason: string) =>
      refused.push(new SettingRefused({ file: line.file, line: line.line, reason }))
    const pattern = IMAGE_SECTION.exec(line.section)?.[1]
    if (line.section === "system") {
      if (line.key !== "imagelayoutdir" && line.key !== "extractsdir")
        refuse(`unknown key ${JSON.stringify(line.key)} in [system]`)
      else {
        const fault = directoryFault(line.value)
        if (fault === undefined) system[line.key] = line.value.replace(/(.)\/+$/, "$1")
        else refuse(`${line.key} = ${JSON.stringify(line.value)}: ${fault}`)
      }
    } else if (pattern !== undefined) {
      const parsed = parseImageSetting(line.key, line.value)
      if (typeof parsed === "string") refuse(parsed)
      else rules.push({ pattern, settings: parsed })
    } else refuse(`unknown section [${line.section}]`)
  }
  return { settings: { system, rules }, refused }
}

/** What counts for one image: every rule that matches, the less exact first. */
export const forImage = (settings: Settings, image: ImageName): ImageSettings =>
  settings.rules
    .map((rule, order) => ({ ...rule, order }))
    .filter(({ pattern }) => matches(pattern, display(image)))
    .sort((a, b) => exactness(a.pattern) - exactness(b.pattern) || a.order - b.order)
    .reduce((effective, rule) => Object.assign(effective, rule.settings), { ...DEFAULT_IMAGE })

/** Does the pattern match the whole text? `*` is any text, as in `systemctl list-units PATTERN`. */
export const matches = (pattern: string, text: string): boolean => {
  const [head = "", ...parts] = pattern.split("*")
  const tail = parts.pop()
  if (tail === undefined) return pattern === text
  if (!text.startsWith(head) || !text.endsWith(tail) || text.length < head.length + tail.length) return false
  const end = text.length - tail.length
  let from = head.length
  for (const part of parts) {
    const found = text.indexOf(part, from)
    if (found < 0 || found + part.length > end) return false
    from = found + part.length
  }
  return true
}

/** Characters that a pattern fixes: more is more exact, and a pattern without wildcards the most. */
const exactness = (pattern: string): number =>
  pattern.includes("*") ? pattern.replaceAll("*", "").length : Number.MAX_SAFE_INTEGER

const parseImageSetting = (key: string, value: string): Partial<ImageSettings> | string => {
  switch (key) {
    case "root": {
      const mode = ROOT_MODES.find((known) => known === value)
      return mode === undefined
        ? `root = ${JSON.stringify(value)}: one of ${ROOT_MODES.join(", ")} is wanted`
        : { root: mode }
    }
    case "wantedby": {
      const units = value.split(/\s+/).filter((unit) => unit !== "")
      const odd = units.find((unit) => !UNIT.test(unit))
      return odd === undefined
        ? { wantedby: units }
        : `wantedby: ${JSON.stringify(odd)} is not the name of a unit`
    }
    default:
      return `unknown key ${JSON.stringify(key)} in an [image …] section`
  }
}

/** Both directories become part of mount options and unit lines, where these characters separate things. */
const directoryFault = (path: string): string | undefined => {
  if (!path.startsWith("/")) return "an absolute path is wanted"
  if (path.split("/").some((component) => component === "." || component === ".."))
    return "“.” and “..” are not taken"
  return ODD_IN_PATH.test(path)
    ? 'blanks, control characters, and “:”, “,”, “\\”, “"” are not taken'
    : undefined
}

const IMAGE_SECTION = /^image\s+(\S.*)$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const ODD_IN_PATH = /[\s\u0000-\u001f\u007f:,\\"']/
const UNIT = /^[A-Za-z0-9:_.\\@-]{1,240}\.(?:service|target|socket|timer|path|mount|slice|device)$/
