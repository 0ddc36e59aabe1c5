/** The names in a layout, and images of one that need not be in a catalog. */
import { resolve } from "node:path"
import * as Either from "effect/Either"
import * as Settings from "../domain/settings/Settings.ts"
import { TaggedError } from "../domain/text/TaggedError.ts"
import * as Catalog from "../program/Catalog.ts"
import * as HostFacts from "../services/host/HostFacts.ts"
import type { ImageError } from "../services/layout/ImageResolution.ts"
import * as LayoutReader from "../services/layout/LayoutReader.ts"
import type { Reference } from "../services/layout/Layouts.ts"

export type { Allowance } from "../services/layout/Artifacts.ts"
export type { LayoutReader } from "../services/layout/LayoutReader.ts"
export { artifacts, type FoundArtifact, type Reference, references } from "../services/layout/Layouts.ts"

/** The layout has no such reference, or several and none was named. */
export class NoSuchReference extends TaggedError("NoSuchReference")<{
  readonly directory: string
  readonly wanted: string | undefined
  /** The references that the layout has. */
  readonly known: readonly string[]
}> {
  override get message(): string {
    const known = this.known.length === 0 ? "it has no images" : `it has ${this.known.slice(0, 6).join(", ")}`
    return this.wanted === undefined
      ? `the layout ${this.directory} has not one image: ${known}`
      : `the layout ${this.directory} has no reference ${JSON.stringify(this.wanted)}: ${known}`
  }
}

/** What an image is opened with; the defaults are those of this machine, without any configuration file. */
export interface OpenOptions extends Partial<Catalog.Surroundings> {
  /** The path by which units and settings name the layout; by default the last component of its directory. */
  readonly layout?: string
}

/**
 * Opens an image of the layout in a directory, without a search for others. Without `ref` the layout's only image is meant.
 * The image's documents are read when it is resolved or extracted.
 */
export const open = (
  directory: string,
  ref?: string,
  { layout, ...given }: OpenOptions = {}
): Either.Either<Catalog.CatalogImage, NoSuchReference | ImageError> => {
  const path = resolve(directory)
  const settings = given.settings ?? Settings.DEFAULTS
  const surroundings: Catalog.Surroundings = {
    settings,
    host: given.host ?? HostFacts.unitHost(settings.system),
    platform: given.platform ?? HostFacts.platform(),
    layouts: given.layouts ?? LayoutReader.ON_DISK
  }
  const reader = given.layouts ?? LayoutReader.ON_DISK
  const references = reader.references(path)
  if (Either.isLeft(references)) return Either.left(references.left)
  const named = references.right.filter((reference) => ref === undefined || reference.ref === ref)
  // Signatures beside the only image do not make it one of several. An artifact that is named says what it is when it is resolved.
  const isImage = (reference: Reference) =>
    "error" in reference || reader.artifact(path, reference) === undefined
  const [found, ...more] = named.length > 1 ? named.filter(isImage) : named
  return found === undefined || more.length > 0
    ? Either.left(
        new NoSuchReference({
          directory,
          wanted: ref,
          known: references.right.filter(isImage).map(({ ref }) => ref)
        })
      )
    : Either.right(
        Catalog.imageAt(surroundings, path, layout ?? path.slice(path.lastIndexOf("/") + 1), found)
      )
}
