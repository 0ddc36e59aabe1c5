/**
 * Errors with a tag and facts as fields, for what the generator loads. As Effect's `Data.TaggedError` makes them, which
 * brings a tenth of Effect with it; these are no Effects themselves: `Either.left(new X(…))`, `Effect.fail(new X(…))`.
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
  // Not on the instance: a fact may have that name.
  Tagged.prototype.name = tag
  return Tagged as unknown as ErrorOf<Tag>
}
