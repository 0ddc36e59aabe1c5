/**
 * A list of manifests: `index.json`, nested indexes, Docker's manifest lists (image-spec image-index.md).
 *
 * Entries are decoded one by one: what is not of a known media type is passed over whatever it holds, and one image
 * whose entry is broken does not take the others along.
 */
import * as Either from "effect/Either"
import { Annotations, Descriptor, ownMediaType, REF_NAME } from "./Descriptor.ts"
import * as Form from "../document/JsonDecoder.ts"
import * as MediaType from "./MediaType.ts"

/** Each name in it costs units: no layout has so many, but one that was made to have them. */
const MAX_MANIFESTS = 10_000

const list = Form.list(Form.unknown, MAX_MANIFESTS)

/** Go writes an empty list as `null`: umoci does where it has just begun a layout. */
const manifests: Form.Form<readonly unknown[]> = (value) => (value === null ? Either.right([]) : list(value))

export const ImageIndex = Form.struct({
  schemaVersion: Form.nullish(Form.literal(2)),
  mediaType: ownMediaType(MediaType.isIndex, "an index"),
  manifests,
  annotations: Form.nullish(Annotations),
  config: Form.absent("is a field of manifests, and this is an index"),
  layers: Form.absent("is a field of manifests, and this is an index")
})
export interface ImageIndex extends Form.Type<typeof ImageIndex> {}

/** An entry of an image's media type that is no descriptor. */
export interface BrokenEntry {
  /** Where it stands in `manifests`. */
  readonly position: number
  /** The reference's name, where the entry says one. */
  readonly ref: string | undefined
  readonly cause: Form.FormError
}

/** The images and further indexes in it, in their order. */
export const entries = (index: ImageIndex): ReadonlyArray<Either.Either<Descriptor, BrokenEntry>> =>
  index.manifests.flatMap((value, position): ReadonlyArray<Either.Either<Descriptor, BrokenEntry>> => {
    const type = typed(value)
    // What says no type cannot be passed over for being of another one.
    if (Either.isRight(type) && !isImage(type.right.mediaType)) return []
    const read = Descriptor(value)
    if (Either.isLeft(read)) {
      const ref = Either.match(named(value), {
        onLeft: () => undefined,
        onRight: (entry) => entry.annotations[REF_NAME] || undefined
      })
      return [Either.left({ position, ref, cause: read.left })]
    }
    return isAttestation(read.right) ? [] : [Either.right(read.right)]
  })

const isImage = (mediaType: string): boolean =>
  MediaType.isIndex(mediaType) || MediaType.isManifest(mediaType)

/** Attestations and signatures travel beside images, for a platform of their own. */
const isAttestation = ({ platform }: Descriptor): boolean => platform?.os === "unknown"

/** As much of an entry as tells what it is, and whose. */
const typed = Form.struct({ mediaType: Form.string })
const named = Form.struct({ annotations: Form.struct({ [REF_NAME]: Form.string }) })
