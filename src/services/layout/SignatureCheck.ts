/** Checks that images are signed by a key of their settings (`signedby`). */
import * as Either from "effect/Either"
import type { Digest } from "../../domain/document/Digest.ts"
import type { ResolvedImage } from "../../domain/image/ResolvedImage.ts"
import type { ImageName } from "../../domain/naming/ImageName.ts"
import type { SignatureSettings } from "../../domain/settings/SignatureSettings.ts"
import type { SignatureMalformed } from "../../domain/signature/SignatureMalformed.ts"
import * as SignatureVerdict from "../../domain/signature/SignatureVerdict.ts"
import { TaggedError } from "../../domain/text/TaggedError.ts"
import type * as BoundedFile from "../files/BoundedFile.ts"
import type { DocumentRefused } from "./Blobs.ts"
import * as PublicKey from "./PublicKey.ts"
import type { LayoutSignatures } from "./Signatures.ts"

/** The file of a key of the settings cannot be used. */
export class KeyRefused extends TaggedError("KeyRefused")<{
  /** The line of the configuration, as `FILE:LINE`. */
  readonly place: string
  /** The file of the key. */
  readonly path: string
  readonly reason: string
  /** The system's error name, such as `ENOENT`, if a system call failed. */
  readonly code?: string
}> {
  override get message(): string {
    const advice = this.code === "ENOENT" ? ": put the key there, or change the line" : ""
    return `${this.place}: the key ${this.path} of signedby ${this.reason}${advice}`
  }
}

/** No signature of the image counts. */
export class ImageUnsigned extends TaggedError("ImageUnsigned")<{
  readonly place: string
  readonly keys: readonly string[]
  /** The digests of which one had to be signed. */
  readonly digests: readonly Digest[]
  /** Why signatures in the layout do not count: clauses that begin with a signature's name. */
  readonly problems: readonly string[]
}> {
  override get message(): string {
    const keys = this.keys.join(" or ")
    const [digest = ""] = this.digests
    if (this.problems.length === 0)
      return `it has no signature in its layout, and ${this.place} wants one by ${keys} (signedby): sign ${digest} with cosign, and copy the signature into the layout, as ${digest.replace(":", "-")}.sig for example`
    const more = this.problems.length - MAX_PROBLEMS
    const problems = [...this.problems.slice(0, MAX_PROBLEMS), ...(more > 0 ? [`${more} more`] : [])]
    return `it has no signature that counts, and ${this.place} wants one by ${keys} (signedby): ${problems.join("; ")}; sign ${digest} by such a key, or change the line`
  }
}

/** Node has no function for this variant of Ed25519, which RFC 8032 calls Ed25519ph. */
const UNCHECKED = "(what cosign 3 signs by an Ed25519 key cannot be checked: use a key of another kind)"

/** The most signatures in a message. */
const MAX_PROBLEMS = 4

/** What is checked of one image. */
export interface Demand extends SignatureSettings {
  readonly image: ImageName
  /** The line that sets `signedby`, as `FILE:LINE`. */
  readonly place: string
}

/** Checks images by the keys of their settings. Each file of a key is read once. */
export type SignatureCheck = (
  resolved: ResolvedImage,
  demand: Demand,
  signatures: LayoutSignatures
) => Either.Either<ResolvedImage, KeyRefused | ImageUnsigned>

export const make = (): SignatureCheck => {
  const known = new Map<string, Either.Either<PublicKey.PublicKey, BoundedFile.FileRefused>>()
  const keyAt = (path: string) => {
    const key = known.get(path) ?? PublicKey.read(path)
    known.set(path, key)
    return key
  }
  return (resolved, { image, place, signedby, signedidentity: rule }, signatures) => {
    const keys: PublicKey.PublicKey[] = []
    for (const path of signedby) {
      const key = keyAt(path)
      if (Either.isLeft(key)) {
        const { code, reason } = key.left
        return Either.left(new KeyRefused({ place, path, reason, ...(code === undefined ? {} : { code }) }))
      }
      keys.push(key.right)
    }
    const digests = [...new Set([resolved.namedDigest, resolved.manifestDigest])]
    const problems: string[] = []
    for (const { name, signature } of signatures(digests)) {
      const verdict = Either.flatMap(signature, (read) =>
        SignatureVerdict.of(read, { image, digests, rule }, (made) =>
          keys.find((key) => PublicKey.hasMade(key, made))
        )
      )
      if (Either.isRight(verdict)) return Either.right({ ...resolved, signedBy: verdict.right.path })
      const isUnchecked =
        Either.isRight(signature) && signature.right.name === undefined && keys.some(PublicKey.isEd25519)
      problems.push(`${name} ${problemOf(verdict.left, isUnchecked)}`)
    }
    return Either.left(
      new ImageUnsigned({ place, keys: signedby, digests, problems: [...new Set(problems)] })
    )
  }
}

const problemOf = (
  error: SignatureVerdict.SignatureUnfit | SignatureMalformed | DocumentRefused,
  isUnchecked: boolean
): string => {
  if (error._tag !== "SignatureUnfit") return `cannot be used: ${error.message}`
  return error.isUnknown === true && isUnchecked ? `${error.message} ${UNCHECKED}` : error.message
}
