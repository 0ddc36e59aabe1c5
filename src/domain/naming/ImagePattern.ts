/**
 * Patterns that stand for images, in the configuration and on the command line.
 *
 *     PATTERN = LAYOUT                  every reference of the layout
 *             | LAYOUT ":" REF          divided as a name is, see ImageName
 *             | LAYOUT "::" REF
 *
 * `*` is any text within LAYOUT or within REF. The two are matched apart: a layout is named by the administrator, a
 * reference by the image's author, and no text of the author's may stand for a layout.
 */
import { divide, type ImageName } from "./ImageName.ts"

/** Whether the pattern stands for the image. */
export const matches = (pattern: string, image: ImageName): boolean => {
  const { layout, ref = ANY } = divide(pattern)
  return isLike(layout, image.layout) && isLike(ref, image.ref)
}

/** Counts the characters that a pattern fixes. More are more exact, and a pattern for one name is the most exact. */
export const exactness = (pattern: string): number =>
  pattern.includes("*") || divide(pattern).ref === undefined
    ? pattern.replaceAll("*", "").length
    : Number.MAX_SAFE_INTEGER

/** Whether the pattern matches the whole text. `*` is any text, as in `systemctl list-units PATTERN`. @internal */
export const isLike = (pattern: string, text: string): boolean => {
  if (!pattern.includes("*")) return pattern === text
  const [head = "", ...parts] = pattern.split("*")
  const tail = parts.pop() ?? ""
  if (!text.startsWith(head) || !text.endsWith(tail) || text.length < head.length + tail.length) return false
  const end = text.length - tail.length
  let from = head.length
  for (const part of parts) {
    const found = text.indexOf(part, from)
    if (found < 0 || found + part.length > end) return false
    from = found + part.length
  }
  return true
}

const ANY = "*"
