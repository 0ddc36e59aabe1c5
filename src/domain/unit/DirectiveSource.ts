/**
 * The source of a directive: a field of the image, a line of the configuration, the profile, or a default of this
 * program.
 */
import type { ImageSettings } from "../settings/ImageSettings.ts"
import { displayPlace, type Origins, type Place } from "../settings/Settings.ts"

/** The source of a directive. Sources are plain objects, because the generator makes tens of thousands. */
export type DirectiveSource =
  /** The field's name in the image's documents: `Env`, `Labels`, `os`. */
  | { readonly _tag: "Image"; readonly field: string }
  | { readonly _tag: "Configuration"; readonly key: string; readonly places: readonly Place[] }
  | { readonly _tag: "Profile"; readonly profile: string }
  /** A default of this program. */
  | { readonly _tag: "Default" }

export const byDefault: DirectiveSource = { _tag: "Default" }

export const image = (...fields: readonly [string, ...string[]]): DirectiveSource => ({
  _tag: "Image",
  field: fields.join(", ")
})

export const profile = (name: string): DirectiveSource => ({ _tag: "Profile", profile: name })

/** Returns the source of a configured value: the line that sets the key, or the default. */
export const setting = (origins: Origins, key: keyof ImageSettings): DirectiveSource => {
  const places = origins[key]
  return places === undefined ? byDefault : { _tag: "Configuration", key, places: once(places) }
}

/** Returns the source of a value that several keys give together. */
export const settings = (origins: Origins, keys: ReadonlyArray<keyof ImageSettings>): DirectiveSource => {
  const places = keys.flatMap((key) => origins[key] ?? [])
  return places.length === 0
    ? byDefault
    : { _tag: "Configuration", key: keys.join(", "), places: once(places) }
}

/** Returns the source of one entry of a list whose lines add up: the line that has the entry. */
export const entry = (origins: Origins, key: keyof ImageSettings, index: number): DirectiveSource => {
  const place = origins[key]?.[index]
  return place === undefined ? setting(origins, key) : { _tag: "Configuration", key, places: [place] }
}

/** Returns the source of a value that several entries of such a list give together. */
export const entries = (
  origins: Origins,
  key: keyof ImageSettings,
  indexes: readonly number[]
): DirectiveSource => {
  const places = indexes.flatMap((index) => origins[key]?.[index] ?? [])
  return places.length === 0 ? setting(origins, key) : { _tag: "Configuration", key, places: once(places) }
}

const once = (places: readonly Place[]): readonly Place[] =>
  places.filter(
    ({ file, line }, index) =>
      places.findIndex((other) => other.file === file && other.line === line) === index
  )

/** The fields of the JSON output: `{ "kind": "image", "text": "image: Env", "field": "Env" }`. */
export interface Facts {
  readonly kind: "image" | "configuration" | "profile" | "default"
  /** The source in words, for people. */
  readonly text: string
  readonly field?: string
  readonly key?: string
  readonly places?: readonly Place[]
  readonly profile?: string
}

export const facts = (source: DirectiveSource): Facts => ({ ...said(source), text: display(source) })

const said = (source: DirectiveSource): Omit<Facts, "text"> => {
  switch (source._tag) {
    case "Image":
      return { kind: "image", field: source.field }
    case "Configuration":
      return { kind: "configuration", key: source.key, places: source.places }
    case "Profile":
      return { kind: "profile", profile: source.profile }
    case "Default":
      return { kind: "default" }
  }
}

/** Prints a source: `image: Env`, `/etc/oci-generator.conf:12: network`. */
export const display = (source: DirectiveSource): string => {
  switch (source._tag) {
    case "Image":
      return `image: ${source.field}`
    case "Configuration":
      return `${source.places.map(displayPlace).join(", ")}: ${source.key}`
    case "Profile":
      return `profile: ${source.profile}`
    case "Default":
      return "default"
  }
}
