/**
 * Bytes as a string: one character a byte, each below U+0100.
 *
 * File names inside layers are bytes, not text (POSIX), so a name that is not UTF-8 must come out as it went in.
 * A JavaScript string of byte values is what maps, sets and `===` work on; the shell turns it into bytes again.
 */

declare const ByteStringBrand: unique symbol

/** Text whose characters are bytes: U+0000 … U+00FF. */
export type ByteString = string & { readonly [ByteStringBrand]: "ByteString" }

/** The bytes, one character each. */
export const fromBytes = (bytes: Uint8Array): ByteString => {
  if (bytes.length <= CHUNK) return charactersOf(bytes)
  let text = ""
  for (let start = 0; start < bytes.length; start += CHUNK) {
    text += charactersOf(bytes.subarray(start, start + CHUNK))
  }
  return text as ByteString
}

/** Not by spreading: that would ask a typed array for its iterator, at ten times the cost. */
const charactersOf = (bytes: Uint8Array): ByteString =>
  String.fromCharCode.apply(null, bytes as unknown as Array<number>) as ByteString

/** The bytes again. */
export const toBytes = (text: ByteString): Uint8Array => {
  const bytes = new Uint8Array(text.length)
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index)
  return bytes
}

/** The UTF-8 bytes of a text. */
export const fromText = (text: string): ByteString => fromBytes(new TextEncoder().encode(text))

/** For people: UTF-8 where it is UTF-8, control characters and stray bytes as `\xNN`. */
export const display = (bytes: ByteString): string => {
  const quoted = (text: string) =>
    text.replace(CONTROL, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`)
  try {
    return quoted(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(toBytes(bytes)))
  } catch {
    return bytes.replace(NOT_PRINTABLE_ASCII, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`)
  }
}

/** `String.fromCharCode` takes its arguments on the stack: this many at once is safe. */
const CHUNK = 8192
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g
const NOT_PRINTABLE_ASCII = /[^\x20-\x7e]/g
