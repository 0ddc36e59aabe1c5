/** Effect's schemas as forms: for the documents of ours, which only those programs read that have loaded Schema. */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { Form } from "../domain/document/JsonDecoder.ts"

export const of = <A, I>(schema: Schema.Schema<A, I>): Form<A> => {
  const decode = Schema.decodeUnknownEither(schema)
  return (value) =>
    Either.mapLeft(decode(value), (error) => {
      const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
      return {
        path: (issue?.path ?? []).map((key) => (typeof key === "symbol" ? String(key) : key)),
        problem: issue?.message ?? error.message
      }
    })
}
