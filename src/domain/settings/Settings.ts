/**
 * The configuration: `/etc/oci-generator.conf` and its drop-ins.
 *
 *     [system]
 *     KEY = VALUE                  `SystemSettings`
 *     [image PATTERN]              for the images that the pattern stands for: `ImagePattern`;
 *     KEY = VALUE                  `ImageSettings`; the more exact pattern wins, and of equals the later
 */
import * as Either from "effect/Either"
import type { ImageName } from "../naming/ImageName.ts"
import * as ImagePattern from "../naming/ImagePattern.ts"
import * as Resemblance from "../naming/Resemblance.ts"
import { TaggedError } from "../text/TaggedError.ts"
import * as ValueRefused from "../text/ValueRefused.ts"
import * as ImageSettings from "./ImageSettings.ts"
import type { SettingKey } from "./SettingKey.ts"
import * as SignatureSettings from "./SignatureSettings.ts"
import * as SystemSettings from "./SystemSettings.ts"

/** The whole configuration. */
export interface Settings {
  readonly system: SystemSettings.SystemSettings
  /** Ordered from less to more exact, and equally exact rules by their position. */
  readonly rules: readonly Rule[]
}

/** Where a setting was made. */
export interface Place {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
}

/** Prints a place: `/etc/oci-generator.conf:12`. */
export const displayPlace = ({ file, line }: Place): string => `${file}:${line}`

/** A line of an `[image PATTERN]` section. */
export interface Rule {
  readonly pattern: string
  readonly settings: Partial<ImageSettings.ImageSettings>
  readonly place: Place
  /** Why the line cannot be used, and the key that it sets. */
  readonly fault?: { readonly key: string; readonly refused: SettingRefused }
}

/**
 * The lines that set an image's settings. Settings without a line have their defaults. A key whose lines add up has as many places as
 * entries, in their order, or the place of the line that removed them all.
 */
export type Origins = Readonly<Partial<Record<keyof ImageSettings.ImageSettings, readonly Place[]>>>

/** The settings without any configuration file. */
export const DEFAULTS: Settings = { system: SystemSettings.DEFAULTS, rules: [] }

/** A directory of the settings that a program makes is not one that units can name. */
export class DirectoryRefused extends TaggedError("DirectoryRefused")<{
  readonly key: DirectoryKey
  readonly directory: string
  readonly reason: string
}> {
  override get message(): string {
    return `${this.key} is ${JSON.stringify(this.directory)}: ${this.reason}`
  }
}

/** The keys of directories. */
export type DirectoryKey = "imagelayoutdir" | "extractsdir" | "volumesdir"

/**
 * Makes settings from those of a program: `system` with values that differ from the defaults, and `images` by
 * pattern, like the sections of a configuration file. Of equally exact patterns the later counts. Directories are absolute
 * paths, as in the configuration file: for others, `DirectoryRefused` is thrown.
 */
export const make = (said: {
  readonly system?: Partial<SystemSettings.SystemSettings>
  readonly images?: Readonly<Record<string, Partial<ImageSettings.ImageSettings>>>
}): Settings => {
  const system = { ...SystemSettings.DEFAULTS, ...said.system }
  for (const key of DIRECTORIES) {
    const directory = SystemSettings.KEYS[key].parse(system[key])
    if (Either.isLeft(directory))
      throw new DirectoryRefused({ key, directory: system[key], reason: directory.left.reason })
  }
  return {
    system,
    rules: Object.entries(said.images ?? {}).map(([pattern, settings], index) => ({
      pattern,
      settings,
      place: { file: THE_PROGRAM, line: index + 1 }
    }))
  }
}

const DIRECTORIES: readonly DirectoryKey[] = ["imagelayoutdir", "extractsdir", "volumesdir"]

/** The source that a line of a unit names in place of a file. */
const THE_PROGRAM = "program"

/**
 * One `key = value` of a configuration file. Without a key, it is the head of a section. After a malformed head, the section
 * is the text of the head, which begins with `[`.
 */
export interface Line extends Place {
  readonly section: string
  readonly key?: string
  readonly value?: string
}

/**
 * A line that cannot be used. The rest of the file counts; images of its section do not start, since a service without the
 * setting would be another service.
 */
export class SettingRefused extends TaggedError("SettingRefused")<{
  readonly file: string
  readonly line: number
  /** The key of an image that the line sets, if it is one. */
  readonly key?: string
  readonly reason: string
}> {
  override get message(): string {
    return `${displayPlace(this)}: ${this.reason}`
  }
}

/** Makes settings from lines in the order of their files. A later line replaces an earlier one for the same key. */
export const fromLines = (
  lines: readonly Line[]
): { readonly settings: Settings; readonly refused: readonly SettingRefused[] } => {
  let system = SystemSettings.DEFAULTS
  const rules: Rule[] = []
  const refused: SettingRefused[] = []
  const unknown = new Set<string>()
  for (const { file, line, section, key, value = "" } of lines) {
    const refuse = (reason: string, key?: string) => {
      const error = new SettingRefused({ file, line, reason, ...(key === undefined ? {} : { key }) })
      refused.push(error)
      return error
    }
    const pattern = IMAGE_SECTION.exec(section)?.[1]
    if (pattern === undefined && key !== undefined && SignatureSettings.isKey(key)) {
      // It is not known which images need a signature, and one that is not checked must not run.
      const error = refuse(`${key} is not in an [image …] section, so no image starts`, key)
      rules.push({ pattern: "*", settings: {}, place: { file, line }, fault: { key, refused: error } })
    } else if (section !== "system" && pattern === undefined) {
      // An unknown section is reported once, at its head, and its keys are ignored. A head that is malformed was reported already.
      const seen = `${file}\n${section}`
      if (!unknown.has(seen) && !section.startsWith("[")) refuse(`unknown section [${section}]`)
      unknown.add(seen)
    } else if (key === undefined) {
      // A section may be empty.
    } else if (pattern === undefined) {
      const parsed = parse(SystemSettings.KEYS, "in [system]", key, value)
      if (Either.isLeft(parsed)) refuse(parsed.left.reason)
      else system = { ...system, ...parsed.right }
    } else {
      const parsed = parse(ImageSettings.KEYS, "in an [image …] section", key, value)
      const place = { file, line }
      if (Either.isRight(parsed)) rules.push({ pattern, settings: parsed.right, place })
      else
        rules.push({ pattern, settings: {}, place, fault: { key, refused: refuse(parsed.left.reason, key) } })
    }
  }
  rules.sort((a, b) => ImagePattern.exactness(a.pattern) - ImagePattern.exactness(b.pattern))
  return { settings: { system, rules }, refused }
}

/** Whether the value of an image's key is the whole rest of its line. @internal */
export const isVerbatim = (key: string): boolean =>
  Object.hasOwn(ImageSettings.KEYS, key) &&
  ImageSettings.KEYS[key as keyof ImageSettings.ImageSettings].verbatim === true

/** Returns the settings of one image: every matching rule is applied, the less exact first. */
export const forImage = (settings: Settings, image: ImageName): ImageSettings.ImageSettings =>
  rulesFor(settings, image).reduce(
    (effective, rule) => ImageSettings.merge(effective, rule.settings),
    ImageSettings.DEFAULTS
  )

/** Returns where the settings of one image were made. */
export const originsFor = (settings: Settings, image: ImageName): Origins => {
  const origins: Partial<Record<keyof Origins, readonly Place[]>> = {}
  const rules = rulesFor(settings, image)
  for (const { settings: said, place } of rules) {
    for (const key of Object.keys(said) as ReadonlyArray<keyof Origins>) origins[key] = [place]
  }
  const adding = ImageSettings.ADDING.filter((key) => origins[key] !== undefined)
  if (adding.length === 0) return origins
  const effective = forImage(settings, image)
  for (const key of adding) {
    const places = new Map(
      rules.flatMap(({ place, settings: said }) => entries(said, key).map((entry) => [entry, place]))
    )
    const own = entries(effective, key).flatMap((entry) => places.get(entry) ?? [])
    if (own.length > 0) origins[key] = own
  }
  return origins
}

const entries = (
  settings: Partial<ImageSettings.ImageSettings>,
  key: keyof ImageSettings.ImageSettings
): readonly unknown[] => {
  const list = settings[key]
  return Array.isArray(list) ? list : []
}

/**
 * Returns the lines for an image that cannot be used. A line whose key a more exact or later line sets as well does not
 * count, as always; where lines add up, it counts unless a later one removes all before it.
 */
export const faultsFor = (settings: Settings, image: ImageName): readonly SettingRefused[] => {
  const rules = rulesFor(settings, image)
  return rules.flatMap(({ fault }, index) =>
    fault === undefined || rules.slice(index + 1).some((later) => replaces(later.settings, fault.key))
      ? []
      : [fault.refused]
  )
}

/** Whether settings set a key so that nothing of an earlier line for it is left. */
const replaces = (settings: Partial<ImageSettings.ImageSettings>, key: string): boolean =>
  Object.hasOwn(settings, key) &&
  !ImageSettings.ADDING.some((adding) => adding === key && entries(settings, adding).length > 0)

const rulesFor = (settings: Settings, image: ImageName): readonly Rule[] =>
  settings.rules.filter(({ pattern }) => ImagePattern.matches(pattern, image))

/** Parses the value of one key. */
const parse = <A>(
  keys: { readonly [K in keyof A]: SettingKey<A[K]> },
  where: string,
  key: string,
  value: string
): Either.Either<Partial<A>, ValueRefused.ValueRefused> => {
  if (!Object.hasOwn(keys, key)) {
    const near = Resemblance.nearest(key, Object.keys(keys))
    const meant = near.length === 0 ? "" : `: did you mean ${near.join(" or ")}?`
    return ValueRefused.refuse(`unknown key ${JSON.stringify(key)} ${where}${meant}`)
  }
  const known = keys[key as keyof A]
  return Either.mapBoth(known.parse(value), {
    onLeft: ({ reason }) =>
      new ValueRefused.ValueRefused({
        reason: known.unspoken ? `${key}: ${reason}` : `${key} = ${JSON.stringify(value)}: ${reason}`
      }),
    onRight: (parsed) => ({ [key]: parsed }) as unknown as Partial<A>
  })
}

const IMAGE_SECTION = /^image\s+(\S.*)$/
