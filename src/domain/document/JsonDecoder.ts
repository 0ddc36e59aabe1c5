/**
 * Decoders for JSON documents: each checks a value and returns it with its type.
 *
 * The generator reads every document with these decoders. Effect's Schema can express more, but takes as long to load
 * as Node itself. Error messages leave out the values that were found, which may be secrets, except short words such
 * as media types.
 */
import * as Either from "effect/Either"

/** Checks a value and returns it with its type. */
export type JsonDecoder<A> = (value: unknown) => Either.Either<A, JsonMismatch>

/** The place of a value that is not what was expected. */
export interface JsonMismatch {
  /** Keys and indexes, the outermost first. */
  readonly path: readonly (string | number)[]
  readonly problem: string
}

/** Prints where and what is wrong: `config.Env.0: Expected string, actual number`. */
export const describe = ({ path, problem }: JsonMismatch): string =>
  path.length === 0 ? problem : `${path.join(".")}: ${problem}`

const wrong = (problem: string): Either.Either<never, JsonMismatch> => Either.left({ path: [], problem })

const within = (key: string | number, { path, problem }: JsonMismatch): Either.Either<never, JsonMismatch> =>
  Either.left({ path: [key, ...path], problem })

const expected = (what: string, value: unknown) => wrong(`Expected ${what}, actual ${kind(value)}`)

const kind = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "list" : typeof value

export const string: JsonDecoder<string> = (value) =>
  typeof value === "string" ? Either.right(value) : expected("string", value)

export const number: JsonDecoder<number> = (value) =>
  typeof value === "number" ? Either.right(value) : expected("number", value)

export const boolean: JsonDecoder<boolean> = (value) =>
  typeof value === "boolean" ? Either.right(value) : expected("boolean", value)

export const unknown: JsonDecoder<unknown> = Either.right

/** Accepts only safe integers: above 2⁵³ a number may stand for one of its neighbours. */
export const integer =
  (least = Number.MIN_SAFE_INTEGER, most = Number.MAX_SAFE_INTEGER): JsonDecoder<number> =>
  (value) => {
    if (typeof value !== "number") return expected("number", value)
    if (!Number.isSafeInteger(value)) return wrong(`Expected an integer, actual ${value}`)
    return value >= least && value <= most
      ? Either.right(value)
      : wrong(`Expected a number between ${least} and ${most}, actual ${value}`)
  }

export const literal =
  <const A extends string | number>(...values: readonly A[]): JsonDecoder<A> =>
  (value) => {
    const found = values.find((one) => one === value)
    if (found !== undefined) return Either.right(found)
    const actual = ["string", "number"].includes(typeof value) ? show(value) : kind(value)
    return wrong(`Expected ${values.map((one) => JSON.stringify(one)).join(" or ")}, actual ${actual}`)
  }

/** Shows a value in a message, cut at the length of the longest word of the specification. */
export const show = (value: unknown): string => {
  const text = JSON.stringify(value)
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}

const MAX_SHOWN = 140

/** Accepts those values of a decoder for which `holds` is true. */
export const where =
  <A, B extends A>(
    form: JsonDecoder<A>,
    holds: (value: A) => value is B,
    problem: (value: A) => string
  ): JsonDecoder<B> =>
  (value) => {
    const read = form(value)
    if (Either.isLeft(read)) return Either.left(read.left)
    return holds(read.right) ? Either.right(read.right) : wrong(problem(read.right))
  }

export const list =
  <A>(item: JsonDecoder<A>, most = Number.POSITIVE_INFINITY): JsonDecoder<readonly A[]> =>
  (value) => {
    if (!Array.isArray(value)) return expected("list", value)
    if (value.length > most) return wrong(`Expected at most ${most}, actual ${value.length}`)
    const items: A[] = []
    for (let index = 0; index < value.length; index++) {
      const read = item(value[index])
      if (Either.isLeft(read)) return within(index, read.left)
      items.push(read.right)
    }
    return Either.right(items)
  }

export const nonEmptyList = <A>(item: JsonDecoder<A>): JsonDecoder<readonly [A, ...A[]]> => {
  const items = list(item)
  return (value) => {
    const read = items(value)
    if (Either.isLeft(read)) return Either.left(read.left)
    return isNonEmpty(read.right) ? Either.right(read.right) : within(0, MISSING)
  }
}

const isNonEmpty = <A>(items: readonly A[]): items is readonly [A, ...A[]] => items.length > 0

const MISSING: JsonMismatch = { path: [], problem: "is missing" }

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Decodes an object with any keys. */
export const dictionary =
  <A>(item: JsonDecoder<A>): JsonDecoder<Readonly<Record<string, A>>> =>
  (value) => {
    if (!isObject(value)) return expected("object", value)
    const entries: [string, A][] = []
    for (const key of Object.keys(value)) {
      const read = item(value[key])
      if (Either.isLeft(read)) return within(key, read.left)
      entries.push([key, read.right])
    }
    // `Object.fromEntries` defines keys, where an assignment to `__proto__` would change the prototype.
    return Either.right(Object.fromEntries(entries))
  }

/** Marks a field that may be absent. Go writes empty maps and lists as `null`, so null counts as absent. */
export interface Nullish<A> {
  readonly nullish: JsonDecoder<A>
}

export const nullish = <A>(form: JsonDecoder<A>): Nullish<A> => ({ nullish: form })

/** Marks a field that must be absent, because with it the document could be read as one of another kind. */
export const absent = (reason: string): Nullish<never> => nullish(() => wrong(reason))

// biome-ignore lint/suspicious/noExplicitAny: of any type
type Fields = Readonly<Record<string, JsonDecoder<any> | Nullish<any>>>

/** The type of an object with these fields. */
export type Struct<F extends Fields> = {
  readonly [K in keyof F as F[K] extends JsonDecoder<unknown> ? K : never]: F[K] extends JsonDecoder<infer A>
    ? A
    : never
} & {
  readonly [K in keyof F as F[K] extends JsonDecoder<unknown> ? never : K]?: F[K] extends Nullish<infer A>
    ? A
    : never
}

/** Decodes an object with these fields and drops all others. */
export const struct = <F extends Fields>(fields: F): JsonDecoder<Struct<F>> => read(fields, () => ({}))

/** Decodes an object with these fields and keeps all others as they are. */
export const openStruct = <F extends Fields>(fields: F): JsonDecoder<Struct<F>> =>
  read(fields, (value) => {
    const others: [string, unknown][] = []
    for (const key of Object.keys(value)) if (!Object.hasOwn(fields, key)) others.push([key, value[key]])
    return Object.fromEntries(others)
  })

const read = <F extends Fields>(
  fields: F,
  others: (value: Readonly<Record<string, unknown>>) => Record<string, unknown>
): JsonDecoder<Struct<F>> => {
  const known = Object.entries(fields)
  return (value) => {
    if (!isObject(value)) return expected("object", value)
    const result: Record<string, unknown> = others(value)
    for (const [key, field] of known) {
      const element = Object.hasOwn(value, key) ? value[key] : undefined
      if (typeof field !== "function") {
        if (element === undefined || element === null) continue
      } else if (element === undefined) return within(key, MISSING)
      const checked = (typeof field === "function" ? field : field.nullish)(element)
      if (Either.isLeft(checked)) return within(key, checked.left)
      // These keys come from our own code, and none is called `__proto__`.
      result[key] = checked.right
    }
    return Either.right(result as Struct<F>)
  }
}

/** The type that a decoder returns. */
export type Type<F> = F extends JsonDecoder<infer A> ? A : never
