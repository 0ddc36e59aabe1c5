/** Decides whether a signature makes an image one that may run. */
import * as Either from "effect/Either"
import type { Digest } from "../document/Digest.ts"
import type { ImageName } from "../naming/ImageName.ts"
import { TaggedError } from "../text/TaggedError.ts"
import type { ImageSignature } from "./ImageSignature.ts"
import * as SignedName from "./SignedName.ts"

/** The conditions that a signature has to meet. */
export interface Demand {
  readonly image: ImageName
  /** The digests that stand for the image: one of them must be signed. */
  readonly digests: readonly Digest[]
  readonly rule: SignedName.Rule
}

/** A signature that does not count. `reason` is a clause that follows its name. */
export class SignatureUnfit extends TaggedError("SignatureUnfit")<{
  readonly reason: string
  /** Whether all that is wrong is that no key has made it. */
  readonly isUnknown?: boolean
}> {
  override get message(): string {
    return this.reason
  }
}

/**
 * Returns the key that made the signature, if all that it says is demanded. `keyOf` finds the key by a check of the signed bytes.
 * Its statement is compared first, because that costs less than trying keys. The statement counts only if a key has made it.
 */
export const of = <K>(
  signature: ImageSignature,
  { digests, image, rule }: Demand,
  keyOf: (signature: ImageSignature) => K | undefined
): Either.Either<K, SignatureUnfit> => {
  const refuse = (reason: string) => Either.left(new SignatureUnfit({ reason }))
  if (!signature.digests.some((digest) => digests.includes(digest)))
    return refuse(`is of ${signature.digests.join(", ") || "nothing"}, and not of ${digests.join(" or ")}`)
  const key = keyOf(signature)
  if (key === undefined && signature.isKeyless)
    return refuse("is by a certificate (keyless), which is not checked")
  if (key === undefined)
    return Either.left(new SignatureUnfit({ reason: "is by another key", isUnknown: true }))
  const { name } = signature
  const wanted = SignedName.wanted(rule, image)
  if (wanted === undefined || (name !== undefined && SignedName.matches(rule, image, name)))
    return Either.right(key)
  const said = name === undefined ? "gives the image no name" : `is for the name ${JSON.stringify(name)}`
  return refuse(`${said}, and signedidentity = ${rule} wants ${JSON.stringify(wanted)}`)
}
