/**
 * Constructors for unions whose members have a `_tag`. Effect's `Data.taggedEnum` does the same, but its module loads sixty
 * others, and pure modules of the library are to load in milliseconds.
 */

type Member<A extends { readonly _tag: string }, Tag extends A["_tag"]> = Extract<A, { readonly _tag: Tag }>

/** A constructor for each member, and functions that tell them apart. */
export type TaggedUnion<A extends { readonly _tag: string }> = {
  readonly [Tag in A["_tag"]]: keyof Omit<Member<A, Tag>, "_tag"> extends never
    ? () => Member<A, Tag>
    : (fields: Omit<Member<A, Tag>, "_tag">) => Member<A, Tag>
} & {
  /** Whether a value is this member. */
  readonly $is: <Tag extends A["_tag"]>(tag: Tag) => (value: unknown) => value is Member<A, Tag>
  /** Calls the function for the value's member. Without a value, returns a function that takes one and does so. */
  readonly $match: {
    <B extends Cases<A>>(cases: B): (value: A) => ReturnType<B[A["_tag"]]>
    <B extends Cases<A>>(value: A, cases: B): ReturnType<B[A["_tag"]]>
  }
}

type Cases<A extends { readonly _tag: string }> = {
  // biome-ignore lint/suspicious/noExplicitAny: any result
  readonly [Tag in A["_tag"]]: (member: Member<A, Tag>) => any
}

/** Makes the constructors of a union, each when it is asked for first. */
export const taggedUnion = <A extends { readonly _tag: string }>(): TaggedUnion<A> =>
  new Proxy<Record<string | symbol, unknown>>(
    { ...FUNCTIONS },
    {
      get: (made, tag) => {
        made[tag] ??= (fields?: object) => ({ ...fields, _tag: tag })
        return made[tag]
      }
    }
  ) as TaggedUnion<A>

const FUNCTIONS = {
  $is: (tag: string) => (value: unknown) =>
    typeof value === "object" && value !== null && (value as { readonly _tag?: unknown })._tag === tag,
  $match: (first: Tagged | Functions, cases?: Functions) =>
    cases === undefined ? (value: Tagged) => call(value, first as Functions) : call(first as Tagged, cases)
}

interface Tagged {
  readonly _tag: string
}
type Functions = Readonly<Record<string, (member: object) => unknown>>

const call = (value: Tagged, cases: Functions): unknown => cases[value._tag]?.(value)
