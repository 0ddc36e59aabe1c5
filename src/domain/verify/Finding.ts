/** A fault that `verify` finds in an image or its root, as data. Paths are relative to the root. */

import type * as Data from "effect/Data"
import { type ByteString, display } from "../text/ByteString.ts"
import { taggedUnion } from "../text/TaggedUnion.ts"
import {
  type Difference,
  toJson as json,
  KINDS,
  type PathKind,
  render as renderDifference
} from "./PathFacts.ts"

/** One fault. */
export type Finding = Data.TaggedEnum<{
  /** An index, a manifest or a configuration cannot be used, so there is no image. `reason` names the document. */
  Unusable: { readonly reason: string }
  /** The image has no signature that its settings ask for. */
  Unsigned: { readonly reason: string }
  /**
   * A layer differs from what the image states. `problem` is the tag of the error, `reason` its sentence, which names
   * the layer.
   */
  BadLayer: { readonly layer: string; readonly problem: string; readonly reason: string }
  /**
   * A file of the extracts directory, by its path on the host, is not what the image's layers give. `reason` is a clause
   * that follows the path.
   */
  BadStore: { readonly path: string; readonly reason: string }
  /** The check failed for a reason that is not a fault of the image. */
  Unverified: { readonly reason: string }
  Changed: { readonly path: ByteString; readonly differences: ReadonlyArray<Difference> }
  /** A path is missing. The paths below a missing directory are not listed. */
  Missing: { readonly path: ByteString; readonly kind: PathKind }
  /** No layer contains the path. The paths below an added directory are not listed. */
  Added: { readonly path: ByteString; readonly kind: PathKind }
  /** The system cannot tell what is at the path: the disk is damaged, or the caller lacks permission. */
  Unreadable: { readonly path: ByteString; readonly syscall: string; readonly code: string }
}>
/** Constructors, `$is` and `$match`. */
export const Finding = taggedUnion<Finding>()

/** Prints a finding in one line. */
export const render = (finding: Finding): string =>
  Finding.$match(finding, {
    Unusable: ({ reason }) => reason,
    Unsigned: ({ reason }) => reason,
    BadLayer: ({ reason }) => reason,
    BadStore: ({ path, reason }) => `${path} ${reason}`,
    Unverified: ({ reason }) => `cannot be verified: ${reason}`,
    Changed: ({ path, differences }) =>
      `changed /${display(path)}: ${differences.map(renderDifference).join("; ")}`,
    Missing: ({ path, kind }) => `missing /${display(path)}: ${described(kind)}`,
    Added: ({ path, kind }) => `added /${display(path)}: ${described(kind)}`,
    Unreadable: ({ path, syscall, code }) => `unreadable /${display(path)}: ${syscall} says ${code}`
  })

/** Returns a finding as JSON. Paths are printed for people, with `\xNN` for bytes that are not text. */
export const toJson = (finding: Finding): object =>
  Finding.$match(finding, {
    Unusable: ({ reason }) => ({ finding: "unusable", reason }),
    Unsigned: ({ reason }) => ({ finding: "unsigned", reason }),
    BadLayer: ({ layer, problem, reason }) => ({ finding: "bad-layer", layer, problem, reason }),
    BadStore: ({ path, reason }) => ({ finding: "bad-store", path, reason }),
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
