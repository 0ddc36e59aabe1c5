/**
 * What registries and layouts hold in the form of an image without being one: signatures, attestations, charts, models
 * (image-spec manifest.md, "Guidelines for Artifact Usage", and artifacts-guidance.md).
 *
 * The content of a manifest decides, not its name and not what an index says about it. A manifest is an image if its
 * configuration is of an image's media type and at least one of its layers is. Some tools, cosign among them, give signatures
 * an image's configuration, so the layers count as well. `subject` and `artifactType` make no artifact of an image: what podman
 * would run, runs here.
 */
import { type Digest, isDigest } from "../document/Digest.ts"
import * as JsonDecoder from "../document/JsonDecoder.ts"
import type { Descriptor } from "./Descriptor.ts"
import type { ImageIndex } from "./ImageIndex.ts"
import type { ImageManifest } from "./ImageManifest.ts"
import * as MediaType from "./MediaType.ts"

/** Something in a layout that is not an image. */
export interface Artifact {
  /** Its common name: one of the names in `KINDS`, `index of referrers`, `index of artifacts`, or `artifact`. */
  readonly kind: string
  /** The media type that tells the kind; empty if there is none. */
  readonly type: string
  /** The manifest that it is attached to, such as that of the image that a signature signs. */
  readonly subject: Digest | undefined
}

/** Returns what a manifest is if it is not an image. `ref` is its name in the layout, which may name its subject. */
export const fromManifest = (
  manifest: ImageManifest,
  { annotations }: Pick<Descriptor, "annotations"> = {},
  ref = ""
): Artifact | undefined => {
  if (isImage(manifest)) return undefined
  const { artifactType, config, layers, subject } = manifest
  const types = [artifactType ?? "", config.mediaType, ...layers.map(({ mediaType }) => mediaType)]
  const attached = subjectOf(subject) ?? digestOf(annotations?.[BUILDKIT_SUBJECT]) ?? subjectOfTag(ref)
  return { ...kindOf(types), subject: attached }
}

const isImage = ({ artifactType, config, layers, subject }: ImageManifest): boolean => {
  if (!MediaType.isConfig(config.mediaType)) return false
  // Without layers nothing can run: the manifest is an artifact if it says so, and otherwise a malformed image.
  if (layers.length === 0) return !artifactType && subject === undefined
  return layers.some(({ mediaType }) => MediaType.isLayerOfImages(mediaType))
}

/** Returns what an index is that lists these artifacts and no image. @internal */
export const fromIndex = (
  { annotations, artifactType, subject }: ImageIndex,
  listed: readonly Artifact[],
  ref = ""
): Artifact => {
  const attached = subjectOf(subject) ?? digestOf(annotations?.[BUILDKIT_SUBJECT])
  if (isReferrersTag(ref)) return { kind: REFERRERS, type: "", subject: attached ?? subjectOfTag(ref) }
  const [first] = listed
  if (artifactType) return { ...kindOf([artifactType]), subject: attached }
  return first !== undefined && listed.every(({ kind, type }) => kind === first.kind && type === first.type)
    ? { ...first, subject: attached ?? first.subject }
    : { kind: "index of artifacts", type: "", subject: attached }
}

/**
 * Returns what an entry of an index is if its manifest or index cannot be read. Then the entry itself decides, by an artifact's
 * type, by the platform that BuildKit gives attestations, by a media type of artifacts, and last by a name that only
 * signatures and their like have.
 */
export const fromDescriptor = (descriptor: Descriptor, ref = ""): Artifact | undefined => {
  const { annotations, artifactType, mediaType, platform } = descriptor
  const subject = digestOf(annotations?.[BUILDKIT_SUBJECT]) ?? subjectOfTag(ref)
  if (artifactType && !MediaType.isConfig(artifactType)) return { ...kindOf([artifactType]), subject }
  if (isUnknown(platform) || annotations?.[BUILDKIT_TYPE] === BUILDKIT_ATTESTATION)
    return { kind: ATTESTATION, type: "", subject }
  if (ARTIFACT_MANIFESTS.test(mediaType)) return { kind: ARTIFACT, type: mediaType, subject }
  if (isReferrersTag(ref)) return { kind: REFERRERS, type: "", subject }
  const suffix = subjectOfTag(ref) === undefined ? undefined : TAG.exec(ref)?.[3]
  return suffix === undefined ? undefined : { kind: OF_SUFFIXES[suffix] ?? ARTIFACT, type: "", subject }
}

/** Describes an artifact with its article: `a cosign signature of sha256:…`. */
export const describe = ({ kind, subject, type }: Artifact): string => {
  const article = AN.test(kind) ? "an" : "a"
  const of = subject === undefined ? "" : ` of ${subject}`
  if (kind !== ARTIFACT) return `${article} ${kind}${of}`
  return type === ""
    ? `an artifact${of} that does not say its type`
    : `an artifact of type ${JsonDecoder.show(type)}${subject === undefined ? "" : `, attached to ${subject}`}`
}

/** Whether a name is that of an index of referrers (distribution-spec, "Referrers Tag Schema"). */
export const isReferrersTag = (ref: string): boolean => !ref.includes(".") && subjectOfTag(ref) !== undefined

/** Whether an index gives an entry the platform of BuildKit's attestations, `unknown/unknown`. */
export const isUnknown = (platform: Descriptor["platform"]): boolean => platform?.os === "unknown"

/** Returns the manifest that a signature belongs to by its name, as cosign names it. */
const subjectOfTag = (ref: string): Digest | undefined => {
  const [, algorithm, hex] = TAG.exec(ref) ?? []
  return digestOf(`${algorithm}:${hex}`)
}

/** `sha256-HEX`, and with a suffix the names that cosign gives signatures, attestations and SBOMs. */
const TAG = /^(sha256|sha512)-([0-9a-f]{64}|[0-9a-f]{128})(?:\.(sig|att|sbom))?$/

const digestOf = (text: string | undefined): Digest | undefined =>
  text !== undefined && isDigest(text) ? text : undefined

/** A subject that is malformed makes no image unusable, as images are not judged by it. */
const subjectOf = (subject: unknown): Digest | undefined =>
  typeof subject === "object" && subject !== null && "digest" in subject && typeof subject.digest === "string"
    ? digestOf(subject.digest)
    : undefined

/** Finds the kind: the artifact's own type counts before its configuration, and that before its layers. */
const kindOf = (types: readonly string[]): Pick<Artifact, "kind" | "type"> => {
  for (const type of types) {
    const known = KINDS.find(([, pattern]) => pattern.test(type))
    if (known !== undefined) return { kind: known[0], type }
  }
  const telling = types.find(
    (type) => !MediaType.isConfig(type) && !MediaType.isLayerOfImages(type) && !SAYS_NOTHING.has(type)
  )
  return { kind: ARTIFACT, type: telling ?? "" }
}

const ARTIFACT = "artifact"
const ATTESTATION = "attestation"
const REFERRERS = "index of referrers"
const SIGNATURE = "cosign signature"

/** The kinds that people meet, by the media types that only they have. What has none of these is an `artifact`. */
const KINDS: ReadonlyArray<readonly [kind: string, types: RegExp]> = [
  [SIGNATURE, /^application\/vnd\.dev\.cosign\.(?:simplesigning|artifact\.sig)\./i],
  ["sigstore bundle", /^application\/vnd\.dev\.sigstore\.bundle\b/i],
  ["Notary signature", /^application\/vnd\.cncf\.notary\./i],
  [
    ATTESTATION,
    /^application\/vnd\.(?:dsse\.envelope|in-toto|docker\.attestation|dev\.cosign\.artifact\.att)/i
  ],
  ["SPDX SBOM", /^(?:text|application)\/(?:vnd\.)?spdx\b/i],
  ["CycloneDX SBOM", /^application\/vnd\.cyclonedx\b/i],
  ["SBOM", /^application\/vnd\.(?:syft|dev\.cosign\.artifact\.sbom)\b/i],
  ["Helm chart", /^application\/vnd\.cncf\.helm\./i],
  ["WebAssembly module", /\bwasm\b/i],
  ["model", /^application\/vnd\.(?:cncf\.model|cnai\.model|docker\.ai|kitops\.modelkit|ollama)\./i],
  ["Docker plugin", /^application\/vnd\.docker\.plugin\./i]
]

const OF_SUFFIXES: Readonly<Record<string, string>> = { sig: SIGNATURE, att: ATTESTATION, sbom: "SBOM" }

/** Kinds whose names begin with the sound of a vowel. */
const AN = /^(?:[aeiou]|S(?:BOM|PDX))/i

/** Media types that say nothing of what an artifact is: the empty descriptor, and what ORAS takes if it is given no type. */
const SAYS_NOTHING: ReadonlySet<string> = new Set([
  "application/vnd.oci.empty.v1+json",
  "application/vnd.unknown.config.v1+json",
  "application/octet-stream"
])

/** Manifests that only artifacts had, of drafts of the specification that never came into force. */
const ARTIFACT_MANIFESTS = /^application\/vnd\.(?:oci\.artifact|cncf\.oras\.artifact)\.manifest\.v1\+json$/i

/** The annotations by which BuildKit marks attestations in an index. */
const BUILDKIT_TYPE = "vnd.docker.reference.type"
const BUILDKIT_ATTESTATION = "attestation-manifest"
const BUILDKIT_SUBJECT = "vnd.docker.reference.digest"
