/** How people name an image: the layout's path below `imagelayoutdir`, and the reference in it. */
import * as Option from "effect/Option"

/** `{ layout: "myorg.com/myapp", ref: "stable" }` */
export interface ImageName {
  /** Path components joined by `/`, never empty, never `.` or `..`. */
  readonly layout: string
  readonly ref: string
}

/** The reference of a layout's only manifest when it has no name. */
export const LATEST = "latest"

/** `myorg.com/myapp:stable` */
export const display = (name: ImageName): string => `${name.layout}:${name.ref}`

/** The reverse, for a reference without `:` and `/`; a port of the host (`localhost:5000/app:v1`) is none. */
export const parse = (text: string): Option.Option<ImageName> => {
  const colon = text.lastIndexOf(":")
  const [layout, ref] = [text.slice(0, colon), text.slice(colon + 1)]
  return colon > 0 && ref !== "" && !ref.includes("/") && isLayout(layout)
    ? Option.some({ layout, ref })
    : Option.none()
}

/** Could it be the name of a layout? */
export const isLayout = (text: string): boolean =>
  text.split("/").every((component) => component !== "" && component !== "." && component !== "..")
