/** How people name an image: the layout's path below `imagelayoutdir`, and the reference in it. */

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
