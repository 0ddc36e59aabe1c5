/** Who wants a directive: a field of the image, a line of the configuration, the profile, or we ourselves. */
import * as Data from "effect/Data"
import type { ImageSettings } from "./ImageSettings.ts"
import type { Origins, Place } from "./Settings.ts"

export type DirectiveSource = Data.TaggedEnum<{
  /** `field` as the image's documents call it: `Env`, `Labels`, `os`. */
  Image: { readonly field: string }
  Configuration: { readonly key: string; readonly places: readonly Place[] }
  Profile: { readonly profile: string }
  /** Nobody said anything. */
  Default: Record<never, never>
}>

const { Image, Configuration, Profile, Default, $match } = Data.taggedEnum<DirectiveSource>()

export const byDefault: DirectiveSource = Default()

export const image = (...fields: readonly [string, ...string[]]): DirectiveSource =>
  Image({ field: fields.join(", ") })

export const profile = (name: string): DirectiveSource => Profile({ profile: name })

/** A key of the configuration, where a line gives it; otherwise its default. */
export const setting = (origins: Origins, key: keyof ImageSettings): DirectiveSource => {
  const places = origins[key]
  return places === undefined ? byDefault : Configuration({ key, places })
}

/** For programs: `{ "kind": "image", "text": "image: Env", "field": "Env" }`. */
export interface Facts {
  readonly kind: "image" | "configuration" | "profile" | "default"
  /** For people. */
  readonly text: string
  readonly field?: string
  readonly key?: string
  readonly places?: readonly Place[]
  readonly profile?: string
}

export const facts = (source: DirectiveSource): Facts => ({
  ...$match(source, {
    Image: ({ field }) => ({ kind: "image" as const, field }),
    Configuration: ({ key, places }) => ({ kind: "configuration" as const, key, places }),
    Profile: ({ profile }) => ({ kind: "profile" as const, profile }),
    Default: () => ({ kind: "default" as const })
  }),
  text: display(source)
})

/** `image: Env`, `/etc/oci-generator.conf:12: network` */
export const display: (source: DirectiveSource) => string = $match({
  Image: ({ field }) => `image: ${field}`,
  Configuration: ({ key, places }) =>
    `${places.map(({ file, line }) => `${file}:${line}`).join(", ")}: ${key}`,
  Profile: ({ profile }) => `profile: ${profile}`,
  Default: () => "default"
})
