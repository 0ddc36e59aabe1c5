/** What was installed: the file `installed.json`, which lies beside the programs. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

export const InstallManifest = Schema.Struct({
  version: Schema.String,
  /** Files and links, without the configuration. */
  files: Schema.Array(Schema.String),
  /** The SHA-256 of the configuration file as it was written; `null` where one was there already. */
  configuration: Schema.NullOr(Schema.String),
  /** Directories that were not there before, each after those that it is in. */
  directories: Schema.Array(Schema.String)
})
export type InstallManifest = typeof InstallManifest.Type

export const print = (manifest: InstallManifest): string => `${JSON.stringify(manifest, undefined, 2)}\n`

export const parse = (text: string) =>
  Either.getRight(Schema.decodeEither(Schema.parseJson(InstallManifest))(text))
