/**
 * Reads JSON the way signed content needs it: duplicate keys and very deep nesting are errors.
 *
 * `JSON.parse` keeps the last of two equal keys and other readers keep the first, so a document could mean one thing
 * to the tool that checked it and another here. The text is parsed, then walked once for keys and depth.
 */
import * as Either from "effect/Either"
import { TaggedError } from "../text/TaggedError.ts"

/**
 * Real documents nest less than ten levels deep. The limit bounds the stack of every function that walks a document.
 */
const MAX_DEPTH = 64

export class JsonError extends TaggedError("JsonError")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

export const parse = (text: string): Either.Either<unknown, JsonError> => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    // The JavaScript engine quotes the text in its message, and the text may hold secrets.
    const said = cause instanceof Error ? cause.message.replace(CONTROLS, " ").replace(QUOTED, "") : cause
    return Either.left(new JsonError({ reason: `not JSON: ${said}` }))
  }
  const fault = faultOf(text)
  return fault === undefined ? Either.right(value) : Either.left(new JsonError({ reason: fault }))
}

/** Finds what is wrong with a text that is known to be JSON. */
const faultOf = (text: string): string | undefined => {
  /** The keys seen in each open object; `undefined` for an open array. */
  const open: Array<Set<string> | undefined> = []
  /** Whether the next string is a key: after `{`, and after `,` in an object. */
  let expectsKey = false
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case OPEN_OBJECT:
        open.push(new Set())
        expectsKey = true
        break
      case OPEN_ARRAY:
        open.push(undefined)
        expectsKey = false
        break
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        open.pop()
        expectsKey = false
        break
      case COMMA:
        expectsKey = open.at(-1) !== undefined
        break
      case QUOTE: {
        const end = endOfString(text, index)
        if (expectsKey) {
          const key = keyOf(text.slice(index, end + 1))
          const keys = open.at(-1)
          if (keys?.has(key)) return `the key ${JSON.stringify(key)} appears twice in one object`
          keys?.add(key)
          expectsKey = false
        }
        index = end
        break
      }
    }
    if (open.length > MAX_DEPTH) return `nested more than ${MAX_DEPTH} deep`
  }
  return undefined
}

const keyOf = (quoted: string): string => (quoted.includes("\\") ? JSON.parse(quoted) : quoted.slice(1, -1))

/** The index of the quote that closes the string opened at `start`. */
const endOfString = (text: string, start: number): number => {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    if (end < 0) return text.length
    let first = end
    while (text.charCodeAt(first - 1) === BACKSLASH) first--
    // After an odd number of backslashes the quote is escaped.
    if ((end - first) % 2 === 0) return end
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROLS = /[\s\u0000-\u001f\u007f-\u009f]+/g
/** Matches the quotation in `Unexpected token ']', ..."=hunter2",]}" is not valid JSON`. */
const QUOTED = /, (?:\.\.\.)?".*"(?:\.\.\.)? is not valid JSON$/
const QUOTE = 0x22
const COMMA = 0x2c
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
