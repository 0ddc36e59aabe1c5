/** The content of a generator's directory, and the differences to what the generator would write now. */
import { MADE_BY } from "./ImageContext.ts"

/** A file with its text, or a link with its target. */
export interface UnitEntry {
  readonly kind: "file" | "link"
  readonly content: string
}

/** Entries by their paths below the generator's directory. */
export type UnitEntries = ReadonlyMap<string, UnitEntry>

export interface Difference {
  readonly path: string
  readonly before: UnitEntry | undefined
  readonly after: UnitEntry | undefined
}

/** Returns what would be written, changed or removed. Files of other generators in `before` are left out. */
export const differences = (before: UnitEntries, after: UnitEntries): readonly Difference[] =>
  [...new Set([...after.keys(), ...ours(before)])].sort().flatMap((path) => {
    const [old, next] = [before.get(path), after.get(path)]
    return old?.kind === next?.kind && old?.content === next?.content
      ? []
      : [{ path, before: old, after: next }]
  })

/**
 * Several generators share the directory. Ours are the units with our mark, links to them, and their drop-ins.
 */
const ours = (entries: UnitEntries): readonly string[] => {
  const units = new Set(
    [...entries].flatMap(([path, { content, kind }]) =>
      kind === "file" && !path.includes("/") && content.startsWith(`# ${MADE_BY}`) ? [path] : []
    )
  )
  const belongs = (path: string, { content, kind }: UnitEntry): boolean =>
    units.has(path) ||
    units.has(
      kind === "link"
        ? content.replace(/^\.\.\//, "")
        : path.slice(path.lastIndexOf("/") + 1).replace(/\.conf$/, ".service")
    )
  return [...entries].flatMap(([path, entry]) => (belongs(path, entry) ? [path] : []))
}
