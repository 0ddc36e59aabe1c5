/** Decodes base64 (RFC 4648) in both alphabets, with padding or without, as DSSE asks for. */

/** Returns the bytes; `undefined` if the text is not base64. */
export const decode = (text: string): Uint8Array | undefined => {
  const digits = text.replace(PADDING, "")
  const isWhole = digits.length === text.length ? digits.length % 4 !== 1 : text.length % 4 === 0
  if (!isWhole || (FOREIGN.test(digits) && FOREIGN_FOR_URLS.test(digits))) return undefined
  const characters = atob(digits.replaceAll("-", "+").replaceAll("_", "/"))
  const bytes = new Uint8Array(characters.length)
  // `Uint8Array.from` takes seconds for the largest document.
  for (let index = 0; index < bytes.length; index++) bytes[index] = characters.charCodeAt(index)
  return bytes
}

const PADDING = /={1,2}$/
const FOREIGN = /[^A-Za-z0-9+/]/
const FOREIGN_FOR_URLS = /[^A-Za-z0-9_-]/
