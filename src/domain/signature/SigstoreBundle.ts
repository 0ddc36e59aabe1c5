/**
 * The sigstore bundle of version 0.3, in which cosign 3 keeps signatures: a DSSE envelope around an in-toto statement
 * (sigstore protobuf-specs, dsse envelope.md and protocol.md, in-toto statement.md).
 *
 * Attestations are such bundles too, of other predicates. They state facts about an image, which need not be good ones, so only
 * the predicate of a signature counts.
 */
import * as Either from "effect/Either"
import { type Digest, isDigest } from "../document/Digest.ts"
import * as JsonDecoder from "../document/JsonDecoder.ts"
import * as Base64 from "./Base64.ts"
import type { ImageSignature } from "./ImageSignature.ts"
import { SignatureMalformed } from "./SignatureMalformed.ts"
import * as SignedDocument from "./SignedDocument.ts"

/** The media type of the layer, and the one that the bundle states for itself. */
export const LAYER = "application/vnd.dev.sigstore.bundle.v0.3+json"

const STATEMENT = "application/vnd.in-toto+json"
const PREDICATE = "https://sigstore.dev/cosign/sign/v1"

/** How many subjects a statement may have. cosign writes one. */
const MAX_SUBJECTS = 100

const bundle = JsonDecoder.struct({
  mediaType: JsonDecoder.literal(LAYER),
  verificationMaterial: JsonDecoder.struct({
    certificate: JsonDecoder.nullish(JsonDecoder.unknown),
    x509CertificateChain: JsonDecoder.nullish(JsonDecoder.unknown)
  }),
  dsseEnvelope: JsonDecoder.struct({
    payload: JsonDecoder.string,
    payloadType: JsonDecoder.literal(STATEMENT),
    signatures: JsonDecoder.list(JsonDecoder.struct({ sig: JsonDecoder.string }), 1)
  })
})

const statement = JsonDecoder.struct({
  _type: JsonDecoder.literal("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"),
  subject: JsonDecoder.list(
    JsonDecoder.struct({ digest: JsonDecoder.dictionary(JsonDecoder.string) }),
    MAX_SUBJECTS
  ),
  predicateType: JsonDecoder.literal(PREDICATE)
})

/** Reads a signature from the bytes of a bundle. */
export const parse = (bytes: Uint8Array): Either.Either<ImageSignature, SignatureMalformed> =>
  Either.gen(function* () {
    const { dsseEnvelope, verificationMaterial } = yield* SignedDocument.read("the bundle", bytes, bundle)
    const payload = yield* base64("the payload", dsseEnvelope.payload)
    const signature = yield* base64("the signature", dsseEnvelope.signatures[0]?.sig ?? "")
    const { subject } = yield* SignedDocument.read("the statement", payload, statement)
    const { certificate, x509CertificateChain } = verificationMaterial
    return {
      digests: subject.flatMap(({ digest }) => digestsOf(digest)),
      // The statement of a signature names no image.
      name: undefined,
      message: preAuthenticated(STATEMENT, payload),
      signature,
      isKeyless: certificate !== undefined || x509CertificateChain !== undefined
    }
  })

const base64 = (what: string, text: string): Either.Either<Uint8Array, SignatureMalformed> => {
  const bytes = Base64.decode(text)
  return bytes === undefined || bytes.length === 0
    ? Either.left(new SignatureMalformed({ reason: `${what} is missing or is not base64` }))
    : Either.right(bytes)
}

/** Returns the digests of a subject that can name a manifest; others are of algorithms that images do not have. */
const digestsOf = (digests: Readonly<Record<string, string>>): readonly Digest[] =>
  Object.entries(digests).flatMap(([algorithm, hex]) => {
    const digest = `${algorithm}:${hex}`
    return isDigest(digest) ? [digest] : []
  })

/** Returns what is signed, DSSE's "pre-authentication encoding": `DSSEv1 LENGTH TYPE LENGTH PAYLOAD`. */
const preAuthenticated = (type: string, payload: Uint8Array): Uint8Array => {
  const head = new TextEncoder().encode(`DSSEv1 ${type.length} ${type} ${payload.length} `)
  const all = new Uint8Array(head.length + payload.length)
  all.set(head)
  all.set(payload, head.length)
  return all
}
