/** The public keys that sign images, in files of their own: PEM, as `cosign generate-key-pair` and `openssl pkey -pubout` write them. */
import * as crypto from "node:crypto"
import * as Either from "effect/Either"
import type { ImageSignature } from "../../domain/signature/ImageSignature.ts"
import * as BoundedFile from "../files/BoundedFile.ts"

export interface PublicKey {
  /** Its file. */
  readonly path: string
  readonly key: crypto.KeyObject
  /** The hashes with which tools sign by a key of its kind; `null` for a kind that has a hash of its own. */
  readonly hashes: ReadonlyArray<"sha256" | "sha384" | null>
}

/** A key of 16,384 bits, which is larger than anyone's, has three kilobytes. */
const MAX_FILE = 64 * 1024

/** Reads the one public key of a file. */
export const read = (path: string): Either.Either<PublicKey, BoundedFile.FileRefused> => {
  const refuse = (reason: string) => Either.left(new BoundedFile.FileRefused({ path, reason }))
  const file = BoundedFile.read(path, MAX_FILE)
  if (Either.isLeft(file)) return Either.left(file.left)
  const text = file.right.toString("latin1")
  const labels = [...text.matchAll(BEGIN)].map(([, label = ""]) => label)
  if (labels.some((label) => label.endsWith("PRIVATE KEY")))
    return refuse(
      "holds a private key, which should not be on this machine: put its public key there, by openssl pkey -pubout or cosign public-key"
    )
  if (labels.includes("CERTIFICATE"))
    return refuse("holds a certificate, and a public key is expected: openssl x509 -pubkey -noout prints it")
  if (labels.length > 1) return refuse(`holds ${labels.length} keys: put each into a file of its own`)
  if (labels[0] !== "PUBLIC KEY")
    return refuse("holds no public key: PEM is expected, “-----BEGIN PUBLIC KEY-----” and what follows it")
  let key: crypto.KeyObject
  try {
    key = crypto.createPublicKey(file.right)
  } catch {
    return refuse("holds a public key that is damaged: copy it again")
  }
  const hashes = hashesOf(key)
  return hashes === undefined
    ? refuse(
        `holds a key of the kind ${kindOf(key)}: ECDSA P-256 or P-384, Ed25519, or RSA of 2048 bits or more is expected`
      )
    : Either.right({ path, key, hashes })
}

/** Whether the key has made a signature. */
export const hasMade = (
  { hashes, key }: PublicKey,
  { message, signature }: Pick<ImageSignature, "message" | "signature">
): boolean =>
  hashes.some((hash) => {
    try {
      return crypto.verify(hash, message, key, signature)
    } catch {
      // The bytes are no signature of this kind.
      return false
    }
  })

/** Whether bundles that cosign 3 signs by such a key cannot be checked, since it hashes what it signs before. */
export const isEd25519 = ({ hashes }: PublicKey): boolean => hashes.includes(null)

/** cosign 2 takes SHA-256 for each ECDSA key, and cosign 3 what fits the curve. */
const hashesOf = ({
  asymmetricKeyDetails: { modulusLength = 0, namedCurve } = {},
  asymmetricKeyType: type
}: crypto.KeyObject): PublicKey["hashes"] | undefined => {
  if (type === "ec" && namedCurve === "prime256v1") return ["sha256"]
  if (type === "ec" && namedCurve === "secp384r1") return ["sha384", "sha256"]
  if (type === "ed25519") return [null]
  return type === "rsa" && modulusLength >= MIN_RSA ? ["sha256"] : undefined
}

const MIN_RSA = 2048

const kindOf = ({ asymmetricKeyDetails = {}, asymmetricKeyType }: crypto.KeyObject): string => {
  const { modulusLength, namedCurve } = asymmetricKeyDetails
  const size = asymmetricKeyType === "rsa" ? `${modulusLength} bits` : namedCurve
  return [asymmetricKeyType, ...(size === undefined ? [] : [size])].join(" ")
}

const BEGIN = /^-----BEGIN ([A-Z0-9 ]+)-----/gm
