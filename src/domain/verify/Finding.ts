/** What `verify` finds wrong with an image or with its root: one fact each, as data. Paths are relative to the root. */
import * as Data from "effect/Data"
import { type ByteString, display } from "../text/ByteString.ts"
import {
  type Difference,
  toJson as json,
  KINDS,
  type PathKind,
  render as renderDifference
} from "./PathFacts.ts"

/** One thing that is not as it should be. */
export type Finding = Data.TaggedEnum<{
  /** An index, a manifest or a configuration: there is no image to speak of. `reason` names the document. */
  Unusable: { readonly reason: string }
  /** A layer is not what the image says. `problem` is the tag of the error, `reason` its sentence, which names the layer. */
  BadLayer: { readonly layer: string; readonly problem: string; readonly reason: string }
  /** Something that is no fault of the image got in the way. */
  Unverified: { readonly reason: string }
  Changed: { readonly path: ByteString; readonly differences: ReadonlyArray<Difference> }
  /** Nothing is there; of a directory, what should be below it is not mentioned. */
  Missing: { readonly path: ByteString; readonly kind: PathKind }
  /** No layer brought it; of a directory, what is below it is not mentioned. */
  Added: { readonly path: ByteString; readonly kind: PathKind }
  /** The system refuses to say what is there: the disk is damaged, or who asks may not know. */
  Unreadable: { readonly path: ByteString; readonly syscall: string; readonly code: string }
}>
/** Constructors, and `$is` and `$match`. */
export const Finding = Data.taggedEnum<Finding>()

/** One line. */
export const render = (finding: Finding): string =>
  Finding.$match(finding, {
    Unusable: ({ reason }) => reason,
    BadLayer: ({ reason }) => reason,
    Unverified: ({ reason }) => `cannot be verified: ${reason}`,
    Changed: ({ path, differences }) =>
      `changed /${display(path)}: ${differences.map(renderDifference).join("; ")}`,
    Missing: ({ path, kind }) => `missing /${display(path)}: ${described(kind)}`,
    Added: ({ path, kind }) => `added /${display(path)}: ${described(kind)}`,
    Unreadable: ({ path, syscall, code }) => `unreadable /${display(path)}: ${syscall} says ${code}`
  })

/** For machines. Paths are as people read them, `\xNN` for a byte that is no text. */
export const toJson = (finding: Finding): object =>
  Finding.$match(finding, {
    Unusable: ({ reason }) => ({ finding: "unusable", reason }),
    BadLayer: ({ layer, problem, reason }) => ({ finding: "bad-layer", layer, problem, reason }),
    Unverified: ({ reason }) => ({ finding: "unverified", reason }),
    Changed: ({ path, differences }) => ({
      finding: "changed",
      path: `/${display(path)}`,
      differences: differences.map(json)
    }),
    Missing: ({ path, kind }) => ({ finding: "missing", path: `/${display(path)}`, kind }),
    Added: ({ path, kind }) => ({ finding: "added", path: `/${display(path)}`, kind }),
    Unreadable: ({ path, syscall, code }) => ({
      finding: "unreadable",
      path: `/${display(path)}`,
      syscall,
      code
    })
  })

const described = (kind: PathKind): string =>
  kind === "Directory" ? `${KINDS[kind]} with all that is below it` : KINDS[kind]
