/** Why the document of a signature cannot be used. */
import { TaggedError } from "../text/TaggedError.ts"

/** A document that is not a signature of the expected form. `reason` is a clause that follows the signature's name. */
export class SignatureMalformed extends TaggedError("SignatureMalformed")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}
