/**
 * cosign's simple signing: a layer of the signature's manifest is the signed text, and an annotation of that layer the signature
 * (cosign specs/SIGNATURE_SPEC.md; containers-signature(5) for the text).
 *
 *     {"critical": {"identity": {"docker-reference": NAME}, "image": {"docker-manifest-digest": DIGEST},
 *                   "type": "cosign container image signature"}, "optional": …}
 */
import * as Either from "effect/Either"
import { digest } from "../document/Digest.ts"
import * as JsonDecoder from "../document/JsonDecoder.ts"
import * as Base64 from "./Base64.ts"
import type { ImageSignature } from "./ImageSignature.ts"
import { SignatureMalformed } from "./SignatureMalformed.ts"
import * as SignedDocument from "./SignedDocument.ts"

/** The media type of the layer. */
export const LAYER = "application/vnd.dev.cosign.simplesigning.v1+json"

const SIGNATURE = "dev.cosignproject.cosign/signature"
const CERTIFICATE = "dev.sigstore.cosign/certificate"

const payload = JsonDecoder.struct({
  critical: JsonDecoder.struct({
    identity: JsonDecoder.struct({ "docker-reference": JsonDecoder.string }),
    image: JsonDecoder.struct({ "docker-manifest-digest": digest }),
    type: JsonDecoder.literal("cosign container image signature")
  })
})

/** Reads a signature from the bytes of its layer and the annotations of the layer's descriptor. */
export const parse = (
  message: Uint8Array,
  annotations: Readonly<Record<string, string>> = {}
): Either.Either<ImageSignature, SignatureMalformed> => {
  const signature = Base64.decode(annotations[SIGNATURE] ?? "")
  if (signature === undefined || signature.length === 0)
    return Either.left(
      new SignatureMalformed({ reason: `the annotation ${SIGNATURE} is missing or is not base64` })
    )
  return Either.map(
    SignedDocument.read("the signed text", message, payload),
    ({ critical: { identity, image } }): ImageSignature => ({
      digests: [image["docker-manifest-digest"]],
      name: identity["docker-reference"] || undefined,
      message,
      signature,
      isKeyless: annotations[CERTIFICATE] !== undefined
    })
  )
}
