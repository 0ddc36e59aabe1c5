/**
 * Bytes as a string: each character stands for one byte and is below U+0100.
 *
 * File names inside layers are bytes, not text (POSIX), so a name that is not UTF-8 must be written exactly as it was
 * read. JavaScript's maps, sets and `===` work on strings, which is why names are strings here; services turn them
 * into bytes again.
 */

declare const ByteStringBrand: unique symbol

/** Text whose characters are bytes: U+0000 … U+00FF. */
export type ByteString = string & { readonly [ByteStringBrand]: "ByteString" }

/** Converts bytes to a string with one character per byte. */
export const fromBytes = (bytes: Uint8Array): ByteString => {
  if (bytes.length <= CHUNK) return charactersOf(bytes)
  let text = ""
  for (let start = 0; start < bytes.length; start += CHUNK) {
    text += charactersOf(bytes.subarray(start, start + CHUNK))
  }
  return text as ByteString
}

/** Converts without the spread operator, which would use the typed array's iterator at ten times the cost. */
const charactersOf = (bytes: Uint8Array): ByteString =>
  String.fromCharCode.apply(null, bytes as unknown as Array<number>) as ByteString

/** Converts the string back to the bytes that it stands for. */
export const toBytes = (text: ByteString): Uint8Array => {
  const bytes = new Uint8Array(text.length)
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index)
  return bytes
}

/** Encodes a text as UTF-8 bytes. */
export const fromText = (text: string): ByteString => fromBytes(new TextEncoder().encode(text))

/** Shows bytes to people: valid UTF-8 as text, control characters and other bytes as `\xNN`. */
export const display = (bytes: ByteString): string => {
  const quoted = (text: string) =>
    text.replace(CONTROL, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`)
  try {
    return quoted(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(toBytes(bytes)))
  } catch {
    return bytes.replace(NOT_PRINTABLE_ASCII, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`)
  }
}

/** How many bytes are converted at once: `String.fromCharCode` takes its arguments on the stack. */
const CHUNK = 8192
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g
const NOT_PRINTABLE_ASCII = /[^\x20-\x7e]/g
