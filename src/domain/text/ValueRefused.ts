/** Why a value, such as that of a key of the configuration, is refused. The error that reports it adds where the value stands. */
import * as Either from "effect/Either"
import { TaggedError } from "./TaggedError.ts"

/** The value is not what is expected. */
export class ValueRefused extends TaggedError("ValueRefused")<{
  /** A sentence that says what is expected, or what the value must not be: "yes or no is expected". */
  readonly reason: string
}> {
  override get message(): string {
    return this.reason
  }
}

/** Returns a refusal for this reason. */
export const refuse = (reason: string): Either.Either<never, ValueRefused> =>
  Either.left(new ValueRefused({ reason }))
