/**
 * Finds the signatures of images in a layout, wherever tools put them:
 *
 *     sha256-HEX.sig      the name of a manifest of simple signing (cosign)
 *     sha256-HEX          the name of an index of referrers, which lists bundles (distribution-spec, "Referrers Tag Schema")
 *     any other entry     what copies of referrers and `cosign save` have: the entry's content tells which image it is about
 */
import * as Either from "effect/Either"
import { type Digest, isDigest } from "../../domain/document/Digest.ts"
import type { Descriptor } from "../../domain/image/Descriptor.ts"
import * as Index from "../../domain/image/ImageIndex.ts"
import { ImageManifest } from "../../domain/image/ImageManifest.ts"
import * as MediaType from "../../domain/image/MediaType.ts"
import type { ImageSignature } from "../../domain/signature/ImageSignature.ts"
import { SignatureMalformed } from "../../domain/signature/SignatureMalformed.ts"
import * as SigstoreBundle from "../../domain/signature/SigstoreBundle.ts"
import * as SimpleSigning from "../../domain/signature/SimpleSigning.ts"
import * as Artifacts from "./Artifacts.ts"
import * as Blobs from "./Blobs.ts"
import { type Deadline, UNLIMITED } from "./Deadline.ts"
import * as Layouts from "./Layouts.ts"

/** A signature in a layout, or a document in the place of one. */
export interface FoundSignature {
  /** The name of its manifest in the layout, or the manifest's digest. */
  readonly name: string
  readonly signature: Either.Either<ImageSignature, SignatureMalformed | Blobs.DocumentRefused>
}

/** Finds the signatures of an image that one of these digests stands for. They are read one by one, when they are asked for. */
export type LayoutSignatures = (digests: readonly Digest[]) => Iterable<FoundSignature>

/**
 * Returns a function that finds the signatures of images in a layout. The function reads the layout's index once, and those entries
 * once for all images whose names do not tell which image they are about.
 */
export const inLayout = (layout: string, budget: Deadline = UNLIMITED): LayoutSignatures => {
  let byName: ReadonlyMap<string, Descriptor> | undefined
  let others: readonly FoundOther[] | undefined
  return function* (digests) {
    byName ??= new Map(Layouts.candidatesForArtifacts(layout).map(({ descriptor, ref }) => [ref, descriptor]))
    const allowed = { ...Artifacts.allowance(budget), documents: MAX_OF_AN_IMAGE }
    for (const tag of digests.map(tagOf))
      for (const name of [`${tag}.sig`, tag]) {
        const descriptor = byName.get(name)
        if (descriptor === undefined) continue
        for (const { signature } of inEntry({ layout, allowed }, descriptor)) yield { name, signature }
      }
    others ??= othersIn({ layout, allowed: Artifacts.allowance(budget) }, byName)
    for (const other of others) {
      if (!isAbout(other, digests)) continue
      // Checking a signature takes longer than finding it, and one document may be about many images.
      if (budget.isSpent()) return yield BEYOND
      yield other
    }
  }
}

/** The most manifests, indexes and signatures that are read by the names of an image's signatures. */
const MAX_OF_AN_IMAGE = 200

interface FoundOther extends FoundSignature {
  /** The image that its manifest says it is attached to. */
  readonly subject?: Digest | undefined
  /** Whether it was not read, because of the limits. */
  readonly isBeyond?: boolean
}

interface Reading {
  readonly layout: string
  readonly allowed: Artifacts.Allowance
}

/** How signatures of the manifest with this digest are named. */
const tagOf = (digest: Digest): string => digest.replace(":", "-")

/** Names of signatures of other images, which are read for those. */
const OF_AN_IMAGE = /^(?:sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})(?:\.sig)?$/

const othersIn = (reading: Reading, byName: ReadonlyMap<string, Descriptor>): readonly FoundOther[] =>
  [...byName]
    .filter(([name]) => !OF_AN_IMAGE.test(name))
    .flatMap(([, descriptor]) => [...inEntry(reading, descriptor)])

/** What is beyond the limits may be about any image. */
const isAbout = ({ isBeyond, signature, subject }: FoundOther, digests: readonly Digest[]): boolean =>
  isBeyond === true ||
  (subject !== undefined && digests.includes(subject)) ||
  (Either.isRight(signature) && signature.right.digests.some((digest) => digests.includes(digest)))

/** Reads the signatures of a manifest, or of the manifests that an index lists. What is no signature has none. */
function* inEntry(reading: Reading, descriptor: Descriptor): Iterable<FoundOther> {
  if (!MediaType.isIndex(descriptor.mediaType)) return yield* inManifest(reading, descriptor)
  if (!Artifacts.take(reading.allowed, descriptor)) return yield BEYOND
  const index = Blobs.readJson(reading.layout, "index", descriptor, Index.ImageIndex)
  if (Either.isLeft(index)) return yield { name: descriptor.digest, signature: Either.left(index.left) }
  for (const entry of Index.entries(index.right))
    if (Either.isRight(entry) && !MediaType.isIndex(entry.right.mediaType))
      yield* inManifest(reading, entry.right)
}

function* inManifest({ allowed, layout }: Reading, descriptor: Descriptor): Iterable<FoundOther> {
  if (!MediaType.isManifest(descriptor.mediaType)) return
  if (!Artifacts.take(allowed, descriptor)) return yield BEYOND
  const manifest = Blobs.readJson(layout, "manifest", descriptor, ImageManifest)
  if (Either.isLeft(manifest)) return yield { name: descriptor.digest, signature: Either.left(manifest.left) }
  const name = descriptor.digest
  const subject = subjectOf(manifest.right.subject)
  // cosign adds the newest signature at the end.
  for (const layer of manifest.right.layers.toReversed()) {
    const parse = FORMS.get(layer.mediaType)
    if (parse === undefined) continue
    if (!Artifacts.take(allowed, layer)) return yield BEYOND
    const signature = Either.flatMap(
      Blobs.read(layout, "signature", layer),
      (bytes): FoundSignature["signature"] => parse(bytes, layer.annotations)
    )
    yield { name, subject, signature }
  }
}

/** Stands for what is beyond the limits. Its name is that of all of it, since there may be a lot. */
const BEYOND: FoundOther = {
  name: "the rest of the layout",
  isBeyond: true,
  signature: Either.left(new SignatureMalformed({ reason: "it is more than is read to find signatures" }))
}

const FORMS: ReadonlyMap<string, typeof SimpleSigning.parse> = new Map([
  [SimpleSigning.LAYER, SimpleSigning.parse],
  [SigstoreBundle.LAYER, SigstoreBundle.parse]
])

const subjectOf = (subject: unknown): Digest | undefined => {
  const { digest } = (subject ?? {}) as { readonly digest?: unknown }
  return typeof digest === "string" && isDigest(digest) ? digest : undefined
}
