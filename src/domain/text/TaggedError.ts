/**
 * Errors with a tag and with facts as fields, for the modules that the generator loads. Effect's `Data.TaggedError`
 * does the same but loads a tenth of Effect. These errors are not Effects themselves: use `Either.left(new X(…))` or
 * `Effect.fail(new X(…))`.
 */

type ErrorOf<Tag extends string> = new <Facts extends object>(
  facts: Facts
) => Error & { readonly _tag: Tag } & Readonly<Facts>

export const TaggedError = <const Tag extends string>(tag: Tag): ErrorOf<Tag> => {
  class Tagged extends Error {
    readonly _tag = tag
    constructor(facts: object) {
      super()
      Object.assign(this, facts)
    }
  }
  // On the prototype and not on the instance, because a fact may be called `name`.
  Tagged.prototype.name = tag
  return Tagged as unknown as ErrorOf<Tag>
}
