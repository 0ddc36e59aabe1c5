/**
 * What a JSON document must look like: forms check a value and give it back with its type.
 *
 * The generator reads every document with these. Effect's Schema says more, and takes as long to load as Node does.
 * What is wrong is said without what was there, which may be a secret; short words of the specification aside.
 */
import * as Either from "effect/Either"

export type Form<A> = (value: unknown) => Either.Either<A, FormError>

export interface FormError {
  /** Keys and places, from the outermost. */
  readonly path: readonly (string | number)[]
  readonly problem: string
}

/** `config.Env.0: Expected string, actual number` */
export const describe = ({ path, problem }: FormError): string =>
  path.length === 0 ? problem : `${path.join(".")}: ${problem}`

const wrong = (problem: string): Either.Either<never, FormError> => Either.left({ path: [], problem })

const within = (key: string | number, { path, problem }: FormError): Either.Either<never, FormError> =>
  Either.left({ path: [key, ...path], problem })

const expected = (what: string, value: unknown) => wrong(`Expected ${what}, actual ${kind(value)}`)

const kind = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "list" : typeof value

export const string: Form<string> = (value) =>
  typeof value === "string" ? Either.right(value) : expected("string", value)

export const number: Form<number> = (value) =>
  typeof value === "number" ? Either.right(value) : expected("number", value)

export const boolean: Form<boolean> = (value) =>
  typeof value === "boolean" ? Either.right(value) : expected("boolean", value)

export const unknown: Form<unknown> = Either.right

/** An exact one: past 2⁵³ a number may stand for its neighbours. */
export const integer =
  (least = Number.MIN_SAFE_INTEGER, most = Number.MAX_SAFE_INTEGER): Form<number> =>
  (value) => {
    if (typeof value !== "number") return expected("number", value)
    if (!Number.isSafeInteger(value)) return wrong(`Expected an integer, actual ${value}`)
    return value >= least && value <= most
      ? Either.right(value)
      : wrong(`Expected a number between ${least} and ${most}, actual ${value}`)
  }

export const literal =
  <const A extends string | number>(...values: readonly A[]): Form<A> =>
  (value) => {
    const found = values.find((one) => one === value)
    if (found !== undefined) return Either.right(found)
    const actual = ["string", "number"].includes(typeof value) ? show(value) : kind(value)
    return wrong(`Expected ${values.map((one) => JSON.stringify(one)).join(" or ")}, actual ${actual}`)
  }

/** As much as a word of the specification can have. */
export const show = (value: unknown): string => {
  const text = JSON.stringify(value)
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}

const MAX_SHOWN = 140

/** Of what has the form, that which `holds`. */
export const where =
  <A, B extends A>(form: Form<A>, holds: (value: A) => value is B, problem: (value: A) => string): Form<B> =>
  (value) => {
    const read = form(value)
    if (Either.isLeft(read)) return Either.left(read.left)
    return holds(read.right) ? Either.right(read.right) : wrong(problem(read.right))
  }

export const list =
  <A>(item: Form<A>, most = Number.POSITIVE_INFINITY): Form<readonly A[]> =>
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

export const nonEmptyList = <A>(item: Form<A>): Form<readonly [A, ...A[]]> => {
  const items = list(item)
  return (value) => {
    const read = items(value)
    if (Either.isLeft(read)) return Either.left(read.left)
    return isNonEmpty(read.right) ? Either.right(read.right) : within(0, MISSING)
  }
}

const isNonEmpty = <A>(items: readonly A[]): items is readonly [A, ...A[]] => items.length > 0

const MISSING: FormError = { path: [], problem: "is missing" }

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Any keys. */
export const dictionary =
  <A>(item: Form<A>): Form<Readonly<Record<string, A>>> =>
  (value) => {
    if (!isObject(value)) return expected("object", value)
    const entries: [string, A][] = []
    for (const key of Object.keys(value)) {
      const read = item(value[key])
      if (Either.isLeft(read)) return within(key, read.left)
      entries.push([key, read.right])
    }
    // Defines keys: an assignment to `__proto__` would do something else.
    return Either.right(Object.fromEntries(entries))
  }

/** A field that may be absent. Go writes empty maps and lists as `null`: absent and null are one. */
export interface Nullish<A> {
  readonly nullish: Form<A>
}

export const nullish = <A>(form: Form<A>): Nullish<A> => ({ nullish: form })

/** A field that must not be there, because then the document could be read as one of another kind. */
export const absent = (reason: string): Nullish<never> => nullish(() => wrong(reason))

// biome-ignore lint/suspicious/noExplicitAny: of any type
type Fields = Readonly<Record<string, Form<any> | Nullish<any>>>

export type Struct<F extends Fields> = {
  readonly [K in keyof F as F[K] extends Form<unknown> ? K : never]: F[K] extends Form<infer A> ? A : never
} & {
  readonly [K in keyof F as F[K] extends Form<unknown> ? never : K]?: F[K] extends Nullish<infer A>
    ? A
    : never
}

/** An object with these fields; others are dropped. */
export const struct = <F extends Fields>(fields: F): Form<Struct<F>> => read(fields, () => ({}))

/** An object with these fields; others are kept as they are. */
export const openStruct = <F extends Fields>(fields: F): Form<Struct<F>> =>
  read(fields, (value) => {
    const others: [string, unknown][] = []
    for (const key of Object.keys(value)) if (!Object.hasOwn(fields, key)) others.push([key, value[key]])
    return Object.fromEntries(others)
  })

const read = <F extends Fields>(
  fields: F,
  others: (value: Readonly<Record<string, unknown>>) => Record<string, unknown>
): Form<Struct<F>> => {
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
      // One of ours: none is called `__proto__`.
      result[key] = checked.right
    }
    return Either.right(result as Struct<F>)
  }
}

export type Type<F> = F extends Form<infer A> ? A : never
