/**
 * A list of manifests: `index.json`, nested indexes, Docker's manifest lists (image-spec image-index.md).
 *
 * Entries are decoded one by one. An entry with an unknown media type is ignored whatever it holds, and a malformed
 * entry does not make the other images unusable.
 */
import * as Either from "effect/Either"
import * as JsonDecoder from "../document/JsonDecoder.ts"
import * as Artifact from "./Artifact.ts"
import { Annotations, Descriptor, ownMediaType, REF_NAME } from "./Descriptor.ts"
import * as MediaType from "./MediaType.ts"

/** The most manifests that an index may list. Each name costs units, and only an index made to do harm has more. */
const MAX_MANIFESTS = 10_000

const list = JsonDecoder.list(JsonDecoder.unknown, MAX_MANIFESTS)

/** Decodes the list of manifests. Go writes an empty list as `null`, and umoci does so in a new layout. */
const manifests: JsonDecoder.JsonDecoder<readonly unknown[]> = (value) =>
  value === null ? Either.right([]) : list(value)

export const ImageIndex = JsonDecoder.struct({
  schemaVersion: JsonDecoder.nullish(JsonDecoder.literal(2)),
  mediaType: ownMediaType(MediaType.isIndex, "an index"),
  manifests,
  annotations: JsonDecoder.nullish(Annotations),
  artifactType: JsonDecoder.nullish(JsonDecoder.string),
  subject: JsonDecoder.nullish(JsonDecoder.unknown),
  config: JsonDecoder.absent("is a field of manifests, and this is an index"),
  layers: JsonDecoder.absent("is a field of manifests, and this is an index")
})
export interface ImageIndex extends JsonDecoder.Type<typeof ImageIndex> {}

/** An entry with an image's media type that is not a valid descriptor. */
export interface BrokenEntry {
  /** Index of the entry in `manifests`. */
  readonly position: number
  /** Name of the reference, if the entry has a readable one. */
  readonly ref: string | undefined
  readonly cause: JsonDecoder.JsonMismatch
}

/** Returns the images and nested indexes of an index, in their order. */
export const entries = (index: ImageIndex): ReadonlyArray<Either.Either<Descriptor, BrokenEntry>> =>
  index.manifests.flatMap((value, position): ReadonlyArray<Either.Either<Descriptor, BrokenEntry>> => {
    const type = typed(value)
    // An entry without a media type cannot be ignored as being of another type.
    if (Either.isRight(type) && !isImage(type.right.mediaType)) return []
    const read = Descriptor(value)
    if (Either.isLeft(read)) {
      const ref = Either.match(named(value), {
        onLeft: () => undefined,
        onRight: (entry) => entry.annotations[REF_NAME] || undefined
      })
      return [Either.left({ position, ref, cause: read.left })]
    }
    return Artifact.isUnknown(read.right.platform) ? [] : [Either.right(read.right)]
  })

/** Returns the entries that `entries` leaves out and that are known to be artifacts: attestations, and manifests of artifacts. */
export const artifacts = (index: ImageIndex): readonly Descriptor[] =>
  index.manifests.flatMap((value) => {
    const read = Descriptor(value)
    if (Either.isLeft(read)) return []
    const { mediaType, platform } = read.right
    const isLeftOut = !isImage(mediaType) || Artifact.isUnknown(platform)
    return isLeftOut && Artifact.fromDescriptor(read.right) !== undefined ? [read.right] : []
  })

const isImage = (mediaType: string): boolean =>
  MediaType.isIndex(mediaType) || MediaType.isManifest(mediaType)

/** Decodes only the part of an entry that tells its type and its name. */
const typed = JsonDecoder.struct({ mediaType: JsonDecoder.string })
const named = JsonDecoder.struct({ annotations: JsonDecoder.struct({ [REF_NAME]: JsonDecoder.string }) })
