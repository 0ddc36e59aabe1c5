/** What came of verifying one image, besides what was found wrong (`Finding`). */
import * as Data from "effect/Data"
import { display, type ImageName } from "../naming/ImageName.ts"
import * as RootShortfall from "./RootShortfall.ts"

/** What became of the comparison of a root with its layers. */
export type RootState = Data.TaggedEnum<{
  /** Nobody asked. */
  Unchecked: object
  NotExtracted: object
  /** It is there, but what it should be cannot be told. */
  NotCompared: object
  /** `paths` were looked at; `explained` is what an extraction without root could not do, and is no finding. */
  Compared: { readonly paths: number; readonly explained: RootShortfall.RootShortfall<number> }
}>
/** Constructors, and `$is` and `$match`. */
export const RootState = Data.taggedEnum<RootState>()

/** What came of verifying one image. */
export interface Verification {
  readonly image: ImageName
  /** How much was found wrong. */
  readonly findings: number
  /** How much of that is only that who asked may not read it, and root may. */
  readonly unread: number
  readonly layers: number
  readonly root: RootState
  /** The platforms of an image that is not for this machine: it is what it is called, and cannot run here. */
  readonly foreign: readonly string[]
}

/** Whether nothing was found. */
export const isIntact = ({ findings }: Verification): boolean => findings === 0

/** Whether something was found that is wrong with the image; unless it is intact, nothing may be known. */
export const isDamaged = ({ findings, unread }: Verification): boolean => findings > unread

/** One line: `myorg.com/myapp:stable: intact: 3 layers, 1204 paths of the root`. */
export const render = (verification: Verification): string => {
  const { findings, foreign, image, layers } = verification
  const verdict = isIntact(verification)
    ? `intact${foreign.length === 0 ? "" : `, but for ${foreign.join(", ")}, not for this machine`}`
    : isDamaged(verification)
      ? `not intact: ${counted(findings, "finding")}`
      : "not verified: it cannot be read (permission)"
  return `${display(image)}: ${verdict}; ${[counted(layers, "layer"), ...aboutRoot(verification.root)].join(", ")}`
}

/** The fields for machines. */
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
    NotExtracted: () => ["not extracted"],
    NotCompared: () => ["the root could not be compared"],
    Compared: ({ explained, paths }) => [
      `${counted(paths, "path")} of the root`,
      ...[RootShortfall.render(explained)].filter((text) => text !== undefined)
    ]
  })

const ROOTS: Readonly<Record<RootState["_tag"], string>> = {
  Unchecked: "unchecked",
  NotExtracted: "not-extracted",
  NotCompared: "not-compared",
  Compared: "compared"
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`
