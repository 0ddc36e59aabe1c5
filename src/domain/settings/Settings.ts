/**
 * The configuration: `/etc/oci-generator.conf`, its drop-ins, and what they may say.
 *
 *     [system]
 *     KEY = VALUE                  `SystemSettings`
 *     [image PATTERN]              for images whose LAYOUT:REF the pattern matches: "*" is any text;
 *     KEY = VALUE                  `ImageSettings`; the more exact pattern wins, and of equals the later
 */
import * as Either from "effect/Either"
import { display, type ImageName } from "../naming/ImageName.ts"
import * as ImageSettings from "./ImageSettings.ts"
import type { SettingKey } from "./SettingKey.ts"
import * as SystemSettings from "./SystemSettings.ts"
import { TaggedError } from "../text/TaggedError.ts"

/** The whole configuration. */
export interface Settings {
  readonly system: SystemSettings.SystemSettings
  /** The less exact first, and of equals the earlier. */
  readonly rules: readonly Rule[]
}

/** Where something was said. */
export interface Place {
  readonly file: string
  /** From 1. */
  readonly line: number
}

/** A line of an `[image PATTERN]` section. */
export interface Rule {
  readonly pattern: string
  readonly settings: Partial<ImageSettings.ImageSettings>
  readonly place: Place
}

/** The lines that made an image's settings what they are; what no line says is a default. */
export type Origins = Readonly<Partial<Record<keyof ImageSettings.ImageSettings, readonly Place[]>>>

/** What counts without any configuration file. */
export const DEFAULTS: Settings = { system: SystemSettings.DEFAULTS, rules: [] }

/**
 * Settings that a program says: `system` where they are not the defaults, and `images` by patterns, as the sections of
 * the configuration file. Of equally exact patterns the later counts.
 */
export const make = (said: {
  readonly system?: Partial<SystemSettings.SystemSettings>
  readonly images?: Readonly<Record<string, Partial<ImageSettings.ImageSettings>>>
}): Settings => ({
  system: { ...SystemSettings.DEFAULTS, ...said.system },
  rules: Object.entries(said.images ?? {}).map(([pattern, settings], index) => ({
    pattern,
    settings,
    place: { file: THE_PROGRAM, line: index + 1 }
  }))
})

/** What a line of a unit names as its source, where a file stands otherwise. */
const THE_PROGRAM = "program"

/** One `key = value` of a configuration file, or, without a key, the head of a section. */
export interface Line extends Place {
  readonly section: string
  readonly key?: string
  readonly value?: string
}

/** A line that says nothing we understand. It is passed over; the rest of the file counts. */
export class SettingRefused extends TaggedError("SettingRefused")<{
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
  let system = SystemSettings.DEFAULTS
  const rules: Rule[] = []
  const refused: SettingRefused[] = []
  const unknown = new Set<string>()
  for (const { file, line, section, key, value = "" } of lines) {
    const refuse = (reason: string) => refused.push(new SettingRefused({ file, line, reason }))
    const pattern = IMAGE_SECTION.exec(section)?.[1]
    if (section !== "system" && pattern === undefined) {
      // Told once, at its head: its keys mean nothing then.
      const seen = `${file}\n${section}`
      if (!unknown.has(seen)) refuse(`unknown section [${section}]`)
      unknown.add(seen)
    } else if (key === undefined) {
      // A section may be empty.
    } else if (pattern === undefined) {
      const parsed = parse(SystemSettings.KEYS, "in [system]", key, value)
      if (Either.isLeft(parsed)) refuse(parsed.left)
      else system = { ...system, ...parsed.right }
    } else {
      const parsed = parse(ImageSettings.KEYS, "in an [image …] section", key, value)
      if (Either.isLeft(parsed)) refuse(parsed.left)
      else rules.push({ pattern, settings: parsed.right, place: { file, line } })
    }
  }
  rules.sort((a, b) => exactness(a.pattern) - exactness(b.pattern))
  return { settings: { system, rules }, refused }
}

/** Has the key of an image all that stands behind its `=`? @internal */
export const isVerbatim = (key: string): boolean =>
  Object.hasOwn(ImageSettings.KEYS, key) &&
  ImageSettings.KEYS[key as keyof ImageSettings.ImageSettings].verbatim === true

/** What counts for one image: every rule that matches, the less exact first. */
export const forImage = (settings: Settings, image: ImageName): ImageSettings.ImageSettings =>
  rulesFor(settings, image).reduce(
    (effective, rule) => ImageSettings.merge(effective, rule.settings),
    ImageSettings.DEFAULTS
  )

/** Where what counts for one image was said. */
export const originsFor = (settings: Settings, image: ImageName): Origins => {
  const origins: Partial<Record<keyof Origins, readonly Place[]>> = {}
  for (const { settings: said, place } of rulesFor(settings, image)) {
    for (const key of Object.keys(said) as ReadonlyArray<keyof Origins>) {
      const adds = key === "volume" && said.volume?.length !== 0
      origins[key] = adds ? [...(origins[key] ?? []), place] : [place]
    }
  }
  return origins
}

const rulesFor = (settings: Settings, image: ImageName): readonly Rule[] =>
  settings.rules.filter(({ pattern }) => matches(pattern, display(image)) && isOfHost(pattern, image))

/**
 * A reference may be any text: `5000/app:v1` of the layout `localhost` is written as `v1` of `localhost:5000/app` is. What
 * is said of a registry with its port is not said of that.
 */
const isOfHost = (pattern: string, { layout }: ImageName): boolean =>
  layout.startsWith(HOST_AND_PORT.exec(pattern)?.[0] ?? "")

/** Does the pattern match the whole text? `*` is any text, as in `systemctl list-units PATTERN`. */
export const matches = (pattern: string, text: string): boolean => {
  if (!pattern.includes("*")) return pattern === text
  const [head = "", ...parts] = pattern.split("*")
  const tail = parts.pop() ?? ""
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

/** One key with its value, as a part of the settings. */
const parse = <A>(
  keys: { readonly [K in keyof A]: SettingKey<A[K]> },
  where: string,
  key: string,
  value: string
): Either.Either<Partial<A>, string> => {
  if (!Object.hasOwn(keys, key)) return Either.left(`unknown key ${JSON.stringify(key)} ${where}`)
  const known = keys[key as keyof A]
  return Either.mapBoth(known.parse(value), {
    onLeft: (wanted) => `${key} = ${JSON.stringify(value)}: ${wanted}`,
    onRight: (parsed) => ({ [key]: parsed }) as unknown as Partial<A>
  })
}

const HOST_AND_PORT = /^[^/:*]+:[0-9]+\//
const IMAGE_SECTION = /^image\s+(\S.*)$/
