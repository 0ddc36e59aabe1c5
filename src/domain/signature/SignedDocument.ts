/** Reads the JSON documents of signatures, whose bytes are known already. */
import * as Either from "effect/Either"
import * as JsonDecoder from "../document/JsonDecoder.ts"
import * as StrictJson from "../document/StrictJson.ts"
import { SignatureMalformed } from "./SignatureMalformed.ts"

/** Decodes a document; `what` names it in the error, as "the payload". */
export const read = <A>(
  what: string,
  bytes: Uint8Array,
  form: JsonDecoder.JsonDecoder<A>
): Either.Either<A, SignatureMalformed> => {
  const refuse = (problem: string) => Either.left(new SignatureMalformed({ reason: `${what} ${problem}` }))
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return refuse("is not UTF-8 text")
  }
  const value = StrictJson.parse(text)
  if (Either.isLeft(value)) return refuse(`cannot be used: ${value.left.message}`)
  const decoded = form(value.right)
  return Either.isLeft(decoded)
    ? refuse(`is malformed: ${JsonDecoder.describe(decoded.left)}`)
    : Either.right(decoded.right)
}
