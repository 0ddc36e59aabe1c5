/** The image layouts below a directory (image-spec image-layout.md, and the form of 2016). */
import * as fs from "node:fs"
import * as Either from "effect/Either"
import * as BoundedDirectory from "../files/BoundedDirectory.ts"
import { type Budget, spent, UNLIMITED } from "../Budget.ts"

/** An image layout below the layouts directory. */
export interface FoundLayout {
  /** Relative to the layouts directory. */
  readonly layout: string
  readonly path: string
}

/** A place below the layouts directory that was passed over. */
export interface Skipped {
  readonly path: string
  readonly reason: string
  /** A directory that the system refuses: what its name as a layout would be, and the system's error name. */
  readonly refused?: { readonly layout: string; readonly code: string }
}

/** What is below it. */
export interface Found {
  readonly layouts: readonly FoundLayout[]
  readonly skipped: readonly Skipped[]
}

/** Host, project and name are three; this bounds the walk. */
const MAX_DEPTH = 16
/** More than any project has images. */
const MAX_ENTRIES = 100_000

/** Every layout below `root`, sorted by name. A layout is not searched for further ones, but for `root` where that is one. */
export const find = (root: string, budget: Budget = UNLIMITED): Found => {
  const search: Search = { layouts: [], skipped: [], budget }
  visit(search, { path: root, layout: "", depth: 0, isLink: false })
  return {
    layouts: search.layouts.sort((a, b) => compare(a.layout, b.layout)),
    skipped: search.skipped.sort((a, b) => compare(a.path, b.path))
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

interface Search {
  readonly layouts: FoundLayout[]
  readonly skipped: Skipped[]
  readonly budget: Budget
}

interface Place extends FoundLayout {
  readonly depth: number
  readonly isLink: boolean
}

const visit = (search: Search, place: Place): void => {
  const { path, layout, depth, isLink } = place
  const skip = (at: string, reason: string) => search.skipped.push({ path: at, reason })
  const isOne = isLayout(path)
  if (isOne && depth > 0) {
    search.layouts.push({ layout, path })
    return
  }
  // Whoever forgot the name when it was copied has other images below it all the same.
  if (isOne) skip(path, "is a layout directly in the layouts directory, so it has no name")
  // A link may lead to a layout, but the walk does not go on behind it: it could go round in a circle.
  if (isLink) return
  if (search.budget.isSpent()) {
    skip(path, spent(search.budget))
    return
  }
  const listing = BoundedDirectory.list(path, MAX_ENTRIES)
  if (Either.isLeft(listing)) {
    const { code, reason } = listing.left
    if (depth > 0 || code !== "ENOENT") {
      search.skipped.push({ path, reason, ...(code === undefined ? {} : { refused: { layout, code } }) })
    }
    return
  }
  if (listing.right.isCut) skip(path, `has more than ${MAX_ENTRIES} entries, and what comes after those is`)
  for (const entry of listing.right.entries) {
    if (isOne && (entry.name === "blobs" || entry.name === "refs")) continue
    const child = `${path}/${entry.name}`
    const isDirectory = entry.isDirectory()
    if (!isDirectory && !(entry.isSymbolicLink() && leadsToDirectory(child))) continue
    if (entry.name.includes("\ufffd")) skip(child, "has a name that is not UTF-8")
    else if (depth >= MAX_DEPTH) skip(child, `is more than ${MAX_DEPTH} directories deep`)
    else
      visit(search, {
        path: child,
        layout: layout === "" ? entry.name : `${layout}/${entry.name}`,
        depth: depth + 1,
        isLink: !isDirectory
      })
  }
}

/** `index.json` or `oci-layout` marks a layout of today; `refs` and `blobs` one of 2016. */
const isLayout = (path: string): boolean =>
  isThere(`${path}/index.json`) ||
  isThere(`${path}/oci-layout`) ||
  (isThere(`${path}/refs`) && isThere(`${path}/blobs`))

const isThere = (path: string): boolean => {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return false
  }
}

const leadsToDirectory = (path: string): boolean => {
  try {
    return fs.statSync(path).isDirectory()
  } catch {
    return false
  }
}
