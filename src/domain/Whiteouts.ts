/**
 * What a layer hides of the layers below it (image-spec layer.md, "Whiteouts").
 *
 * Whiteouts are looked up in the lower tree as it was before the layer, all of them, and only then take effect: so
 * neither their order nor their position in the layer means anything, and what the layer itself brings is out of reach.
 *
 * A whiteout goes through lower symlinks, but not through one that its own layer names: a layer that puts a directory
 * where a symlink was, and marks it opaque (overlayfs does), speaks of the directory and not of the link's target.
 */
import * as Either from "effect/Either"
import type { LayerEntry } from "./LayerEntry.ts"
import {
  join,
  type LayerPath,
  type LayerPathError,
  type LayerPathRole,
  maySpeak,
  parent as parentOf,
  role
} from "./LayerPath.ts"
import type { RootDraft } from "./RootDraft.ts"
import { type Location, Resolution, type RootTree, resolve } from "./RootTree.ts"

/** Locations in the lower tree by their joined names. */
export interface Whiteouts {
  readonly removed: ReadonlyMap<string, Location>
  readonly emptied: ReadonlyMap<string, Location>
}

/** What the entries of a layer hide of `lower`. Names that are errors of the whiteout grammar fail here. */
export const of = (
  lower: RootTree,
  entries: ReadonlyArray<LayerEntry>
): Either.Either<Whiteouts, { readonly entry: LayerEntry; readonly cause: LayerPathError }> => {
  const removed = new Map<string, Location>()
  const emptied = new Map<string, Location>()
  let named: ReadonlySet<string> | undefined
  const passes = (link: Location) => {
    named ??= namesOf(entries)
    return !named.has(join(link))
  }
  const directoryAt = (path: LayerPath) => {
    const found = resolve(lower.root, path, { passes })
    return Resolution.$is("Found")(found) && found.node._tag === "Directory"
      ? { node: found.node, at: found.at }
      : undefined
  }
  for (const entry of entries) {
    if (!maySpeak(entry.path)) continue
    const spoken = role(entry.path)
    if (Either.isLeft(spoken)) return Either.left({ entry, cause: spoken.left })
    if (spoken.right._tag === "Opaque") {
      const directory = directoryAt(spoken.right.directory)
      if (directory !== undefined) emptied.set(join(directory.at), directory.at)
    } else if (spoken.right._tag === "Whiteout") {
      const parent = directoryAt(parentOf(spoken.right.path))
      const name = spoken.right.path.at(-1)
      if (name === undefined || !parent?.node.children.has(name)) continue
      const at = [...parent.at, name]
      removed.set(join(at), at)
    }
  }
  return Either.right({ removed, emptied })
}

/** Takes away what they hide. */
export const apply = (whiteouts: Whiteouts, draft: RootDraft): void => {
  for (const at of whiteouts.emptied.values()) draft.clear(at)
  for (const at of whiteouts.removed.values()) draft.remove(at)
}

/** Whether they hide what is at a location of the lower tree. */
export const hide = (whiteouts: Whiteouts, at: Location): boolean => {
  if (whiteouts.removed.size === 0 && whiteouts.emptied.size === 0) return false
  let prefix = ""
  for (const name of at) {
    if (whiteouts.emptied.has(prefix)) return true
    prefix = prefix === "" ? name : `${prefix}/${name}`
    if (whiteouts.removed.has(prefix)) return true
  }
  return false
}

/** Every path that an entry or a whiteout of the layer names, as it is spelt there once cleaned. */
const namesOf = (entries: ReadonlyArray<LayerEntry>): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const entry of entries) {
    const path = Either.map(role(entry.path), pathOf)
    if (Either.isRight(path) && path.right !== undefined) names.add(join(path.right))
  }
  return names
}

const pathOf = (spoken: LayerPathRole): LayerPath | undefined =>
  spoken._tag === "Ordinary" || spoken._tag === "Whiteout" ? spoken.path : undefined
