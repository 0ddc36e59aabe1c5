/** Makes an error of what was verified, for programs that want to fail then. */
import * as Either from "effect/Either"
import { display } from "../domain/naming/ImageName.ts"
import { TaggedError } from "../domain/text/TaggedError.ts"
import { isDamaged, type Verification } from "../domain/verify/Verification.ts"

/** There are findings. `verify` itself succeeds; this error is for callers that want to fail then. */
export class NotIntact extends TaggedError("NotIntact")<{
  readonly images: ReadonlyArray<string>
  readonly of: number
}> {
  override get message(): string {
    return `${this.images.length} of ${this.of} images ${this.images.length === 1 ? "is" : "are"} not intact: ${this.images.join(", ")}`
  }
}

/** Fails unless all images are intact. */
export const requireIntact = (verifications: ReadonlyArray<Verification>): Either.Either<void, NotIntact> => {
  const images = verifications.filter(isDamaged).map(({ image }) => display(image))
  return images.length === 0 ? Either.void : Either.left(new NotIntact({ images, of: verifications.length }))
}
