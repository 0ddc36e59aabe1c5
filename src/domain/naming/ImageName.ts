/**
 * The name of an image for people: the layout's path below `imagelayoutdir`, and the reference in that layout.
 *
 *     NAME = LAYOUT ":" REF      where the first colon that is not a port's divides the two
 *          | LAYOUT "::" REF     where it does not
 *     port = ":" digits "/"      at the end of the first component of a layout
 *
 * `localhost:5000/app:v1` is the layout `localhost:5000/app`; the reference `5000/app:v1` of the layout `localhost` is
 * `localhost::5000/app:v1`. No two images are printed alike unless the layout itself ends in a colon or holds two in a row.
 */
/** A name such as `{ layout: "myorg.com/myapp", ref: "stable" }`. */
export interface ImageName {
  /** Path components joined by `/`, never empty, never `.` or `..`. */
  readonly layout: string
  readonly ref: string
}

/** The reference of a layout's only manifest when that manifest has no name. */
export const LATEST = "latest"

/** Prints a name: `myorg.com/myapp:stable`. */
export const display = ({ layout, ref }: ImageName): string => {
  const text = `${layout}:${ref}`
  const divided = divide(text)
  return divided.layout === layout && divided.ref === ref && !isDigested(text) ? text : `${layout}::${ref}`
}

/**
 * Parses what `display` prints. The result is `undefined` for other texts, and for the names by digest of other tools,
 * `a/b@sha256:…`: images are named by a reference.
 */
export const parse = (text: string): ImageName | undefined => {
  const { layout, ref = "" } = divide(text)
  return isName({ layout, ref }) && !isDigested(text) ? { layout, ref } : undefined
}

/** Whether a layout and a reference can be the name of an image. */
export const isName = ({ layout, ref }: ImageName): boolean => ref !== "" && isLayout(layout)

/** Whether a text is `NAME@ALGORITHM:HEX`, which is how other tools name an image by its digest. */
export const isDigested = (text: string): boolean => DIGESTED.test(text)

/** Divides a name, or a pattern for names, where `*` may stand for a host or a port. @internal */
export const divide = (text: string): { readonly layout: string; readonly ref?: string } => {
  const first = text.indexOf(":")
  if (first < 0) return { layout: text }
  const two = text.indexOf("::", first)
  if (two >= 0) return { layout: text.slice(0, two), ref: text.slice(two + 2) }
  const colon = text.indexOf(":", PORT.exec(text)?.[0].length ?? 0)
  return colon < 0 ? { layout: text } : { layout: text.slice(0, colon), ref: text.slice(colon + 1) }
}

/** Whether a text can be the path of a layout. */
export const isLayout = (text: string): boolean =>
  !text.includes("\0") &&
  text.split("/").every((component) => component !== "" && component !== "." && component !== "..")

const DIGESTED = /@[a-z0-9+._-]+:[0-9a-f]{32,}$/i
const PORT = /^[^/:]+:[0-9*]+\//
