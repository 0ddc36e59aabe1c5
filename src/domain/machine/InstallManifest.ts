/** The record of an installation: the file `installed.json` beside the programs. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/** An absolute path without `..`: below another root, what is removed stays inside it. */
const Path = Schema.String.pipe(
  Schema.filter(
    (path) => /^\/[^\0]+$/.test(path) && !path.split("/").some((part) => part === ".." || part === ".")
  )
)

export const InstallManifest = Schema.Struct({
  version: Schema.String,
  /** Installed files and links, without the configuration. */
  files: Schema.Array(Path),
  /** SHA-256 of the configuration file as it was written; `null` if the file existed before. */
  configuration: Schema.NullOr(Schema.String),
  /** Directories that the installation created, each after its parents. */
  directories: Schema.Array(Path)
})
export type InstallManifest = typeof InstallManifest.Type

export const print = (manifest: InstallManifest): string => `${JSON.stringify(manifest, undefined, 2)}\n`

export const parse = (text: string) =>
  Either.getRight(Schema.decodeEither(Schema.parseJson(InstallManifest))(text))
