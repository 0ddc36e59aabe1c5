/**
 * A list of manifests: `index.json`, nested indexes, Docker's manifest lists (image-spec image-index.md).
 *
 * Entries are decoded one by one: what is not of a known media type is passed over whatever it holds, and one image
 * whose entry is broken does not take the others along.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Annotations, absent, Descriptor, nullish, REF_NAME } from "./Descriptor.ts"
import * as MediaType from "./MediaType.ts"

export const ImageIndex = Schema.Struct({
  schemaVersion: nullish(Schema.Literal(2)),
  mediaType: nullish(
    Schema.String.pipe(
      Schema.filter(MediaType.isIndex, {
        message: ({ actual }) => `${JSON.stringify(actual)} is not the media type of an index`
      })
    )
  ),
  manifests: Schema.Array(Schema.Unknown),
  annotations: nullish(Annotations),
  config: absent("is a field of manifests, and this is an index"),
  layers: absent("is a field of manifests, and this is an index")
})
export type ImageIndex = typeof ImageIndex.Type

/** An entry of an image's media type that is no descriptor. */
export interface BrokenEntry {
  /** Where it stands in `manifests`. */
  readonly position: number
  /** The reference's name, where the entry says one. */
  readonly ref: string | undefined
  readonly cause: DescriptorInvalid
}

type DescriptorInvalid = Either.Either.Left<ReturnType<typeof decodeDescriptor>>

/** The images and further indexes in it, in their order. */
export const entries = (index: ImageIndex): ReadonlyArray<Either.Either<Descriptor, BrokenEntry>> =>
  index.manifests.flatMap((value, position): ReadonlyArray<Either.Either<Descriptor, BrokenEntry>> => {
    const type = decodeType(value)
    // What says no type cannot be passed over for being of another one.
    if (Option.isSome(type) && !isImage(type.value.mediaType)) return []
    const descriptor = decodeDescriptor(value)
    if (Either.isLeft(descriptor)) {
      const name = Option.getOrUndefined(decodeName(value))
      return [
        Either.left({ position, ref: name?.annotations[REF_NAME] || undefined, cause: descriptor.left })
      ]
    }
    return isAttestation(descriptor.right) ? [] : [Either.right(descriptor.right)]
  })

const isImage = (mediaType: string): boolean =>
  MediaType.isIndex(mediaType) || MediaType.isManifest(mediaType)

/** Attestations and signatures travel beside images, for a platform of their own. */
const isAttestation = ({ platform }: Descriptor): boolean => platform?.os === "unknown"

const decodeDescriptor = Schema.decodeUnknownEither(Descriptor)

/** As much of an entry as tells what it is, and whose. */
const decodeType = Schema.decodeUnknownOption(Schema.Struct({ mediaType: Schema.String }))
const decodeName = Schema.decodeUnknownOption(
  Schema.Struct({ annotations: Schema.Struct({ [REF_NAME]: Schema.String }) })
)
