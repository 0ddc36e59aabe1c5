/** The result of verifying one image, besides its findings (`Finding`). */

import type * as Data from "effect/Data"
import { display, type ImageName } from "../naming/ImageName.ts"
import { taggedUnion } from "../text/TaggedUnion.ts"
import * as RootShortfall from "./RootShortfall.ts"

/** The result of comparing a root with its layers. */
export type RootState = Data.TaggedEnum<{
  /** The comparison was not requested. */
  Unchecked: object
  /** The root is an image, whose bytes were compared. Its paths were not. */
  Image: object
  NotExtracted: object
  /** The root exists, but its expected content is unknown. */
  NotCompared: object
  /**
   * `paths` were compared. `explained` counts what an extraction without root could not do, which is not a finding.
   */
  Compared: { readonly paths: number; readonly explained: RootShortfall.RootShortfall<number> }
}>
/** Constructors, `$is` and `$match`. */
export const RootState = taggedUnion<RootState>()

/** The result of verifying one image. */
export interface Verification {
  readonly image: ImageName
  /** Number of findings. */
  readonly findings: number
  /** How many of them are only a lack of permission of the caller, which root has. */
  readonly unread: number
  readonly layers: number
  readonly root: RootState
  /** The platforms of an image that is not for this machine. The image may be intact, but cannot run here. */
  readonly foreign: readonly string[]
}

/** Whether nothing was found. */
export const isIntact = ({ findings }: Verification): boolean => findings === 0

/**
 * Whether a finding is a fault of the image. An image that is neither intact nor damaged was not checked completely.
 */
export const isDamaged = ({ findings, unread }: Verification): boolean => findings > unread

/** Prints the result in one line: `myorg.com/myapp:stable: intact: 3 layers, 1204 paths of the root`. */
export const render = (verification: Verification): string => {
  const { findings, foreign, image, layers } = verification
  const verdict = isIntact(verification)
    ? `intact${foreign.length === 0 ? "" : `, but for ${foreign.join(", ")}, not for this machine`}`
    : isDamaged(verification)
      ? `not intact: ${counted(findings, "finding")}`
      : "not verified: it cannot be read (permission)"
  return `${display(image)}: ${verdict}; ${[counted(layers, "layer"), ...aboutRoot(verification.root)].join(", ")}`
}

/** Returns the fields of the JSON output. */
export const toJson = (verification: Verification): object => {
  const { findings, foreign, image, layers, root } = verification
  return {
    image: display(image),
    intact: isIntact(verification) ? true : isDamaged(verification) ? false : null,
    found: findings,
    layers,
    root: ROOTS[root._tag],
    foreign,
    ...(root._tag === "Compared" ? { paths: root.paths, explained: root.explained } : {})
  }
}

const aboutRoot = (root: RootState): ReadonlyArray<string> =>
  RootState.$match(root, {
    Unchecked: () => [],
    Image: () => ["the image of the root"],
    NotExtracted: () => ["not extracted"],
    NotCompared: () => ["the root could not be compared"],
    Compared: ({ explained, paths }) => [
      `${counted(paths, "path")} of the root`,
      ...[RootShortfall.render(explained)].filter((text) => text !== undefined)
    ]
  })

const ROOTS: Readonly<Record<RootState["_tag"], string>> = {
  Unchecked: "unchecked",
  Image: "image",
  NotExtracted: "not-extracted",
  NotCompared: "not-compared",
  Compared: "compared"
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`
