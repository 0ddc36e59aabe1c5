/** Signs images as cosign does, with keys that are made for it. */
import * as crypto from "node:crypto"
import { writeFileSync } from "node:fs"
import * as SigstoreBundle from "../../src/domain/signature/SigstoreBundle.ts"
import * as SimpleSigning from "../../src/domain/signature/SimpleSigning.ts"
import { type LayoutWriter, MANIFEST, type WrittenDescriptor } from "./LayoutWriter.ts"

/** Kinds of keys, each with the hash by which cosign 3 signs. */
export const KINDS = {
  "ECDSA P-256": [() => crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }), "sha256"],
  "ECDSA P-384": [() => crypto.generateKeyPairSync("ec", { namedCurve: "P-384" }), "sha384"],
  Ed25519: [() => crypto.generateKeyPairSync("ed25519"), null],
  "RSA 2048": [() => crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }), "sha256"]
} as const

export interface Signer {
  readonly publicPem: string
  readonly privatePem: string
  readonly sign: (message: Uint8Array, hash?: string | null) => Buffer
}

export const signer = (kind: keyof typeof KINDS = "ECDSA P-256"): Signer => {
  const [make, usual] = KINDS[kind]
  const { privateKey, publicKey } = make()
  return {
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    privatePem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    sign: (message, hash = usual) => crypto.sign(hash, message, privateKey)
  }
}

export const writeKey = (path: string, { publicPem }: Signer): string => {
  writeFileSync(path, publicPem)
  return path
}

/** The text that simple signing signs. */
export const simpleText = (digest: string, name = "registry.example/app"): Buffer =>
  Buffer.from(
    JSON.stringify({
      critical: {
        identity: { "docker-reference": name },
        image: { "docker-manifest-digest": digest },
        type: "cosign container image signature"
      },
      optional: null
    })
  )

export const simpleAnnotations = (signature: Uint8Array): Readonly<Record<string, string>> => ({
  "dev.cosignproject.cosign/signature": Buffer.from(signature).toString("base64")
})

/** Writes the manifest of a signature of simple signing. */
export const simple = (
  layout: LayoutWriter,
  { sign }: Signer,
  digest: string,
  name?: string
): WrittenDescriptor => {
  const text = simpleText(digest, name)
  return layout.image(
    {},
    { layers: [{ ...layout.blob(SimpleSigning.LAYER, text), annotations: simpleAnnotations(sign(text)) }] }
  )
}

export const statementOf = (digest: string, more: object = {}): object => {
  const [algorithm = "", hex] = digest.split(":")
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ digest: { [algorithm]: hex } }],
    predicateType: "https://sigstore.dev/cosign/sign/v1",
    predicate: {},
    ...more
  }
}

/** What DSSE signs, written out here once more. */
export const preAuthenticated = (payload: Buffer, type = "application/vnd.in-toto+json"): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload])

/** A bundle as an object; `more` replaces fields of its envelope. */
export const bundleOf = ({ sign }: Signer, statement: object, more: object = {}): object => {
  const payload = Buffer.from(JSON.stringify(statement))
  return {
    mediaType: SigstoreBundle.LAYER,
    verificationMaterial: { publicKey: { hint: "hint" } },
    dsseEnvelope: {
      payload: payload.toString("base64"),
      payloadType: "application/vnd.in-toto+json",
      signatures: [{ sig: sign(preAuthenticated(payload)).toString("base64") }],
      ...more
    }
  }
}

/** Writes the manifest of a bundle, attached to the image. */
export const bundle = (
  layout: LayoutWriter,
  signer: Signer,
  subject: WrittenDescriptor,
  statement: object = statementOf(subject.digest)
): WrittenDescriptor =>
  layout.blob(MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: SigstoreBundle.LAYER,
    config: layout.blob("application/vnd.oci.empty.v1+json", {}),
    layers: [layout.blob(SigstoreBundle.LAYER, bundleOf(signer, statement))],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size }
  })
