/** The image layouts below a directory (image-spec image-layout.md, and the form of 2016). */
import * as Either from "effect/Either"
import * as BoundedDirectory from "../files/BoundedDirectory.ts"
import * as fs from "../files/RecordedFiles.ts"
import { type Deadline, spent, UNLIMITED } from "./Deadline.ts"

/** An image layout below the layouts directory. */
export interface FoundLayout {
  /** The path relative to the layouts directory. */
  readonly layout: string
  readonly path: string
}

/** A place below the layouts directory that was ignored. */
export interface Skipped {
  readonly path: string
  readonly reason: string
  /**
   * A directory that the system refuses to read: the name that it would have as a layout, and the system's error
   * name.
   */
  readonly refused?: { readonly layout: string; readonly code: string }
}

/** The layouts and ignored places below a directory. */
export interface Found {
  readonly layouts: readonly FoundLayout[]
  readonly skipped: readonly Skipped[]
}

/** The deepest layout. Host, project and name are three levels. */
const MAX_DEPTH = 16
/** The most entries of a directory, more than any project has images. */
const MAX_ENTRIES = 100_000

/**
 * Finds every layout below `root`, sorted by name. Layouts are not searched for further layouts, except for `root`
 * itself.
 */
export const find = (root: string, budget: Deadline = UNLIMITED): Found => {
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
  readonly budget: Deadline
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
  // A user may have copied an image without a name. The other images are still found.
  if (isOne) skip(path, "is itself a layout, which has no name")
  // A link may lead to a layout, but the search does not go on behind it, since it could end in a circle.
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
  if (listing.right.isCut) skip(path, `has more than ${MAX_ENTRIES} entries, and the rest is`)
  const names = new Set(listing.right.entries.map(({ name }) => name))
  if (!isOne && names.has("manifest.json")) {
    skip(path, names.has("version") ? OF_SKOPEO : OF_DOCKER)
    return
  }
  for (const entry of listing.right.entries) {
    if (isOne && (entry.name === "blobs" || entry.name === "refs")) continue
    const child = `${path}/${entry.name}`
    if (entry.isFile() && ARCHIVE.test(entry.name)) skip(child, IS_ARCHIVE)
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

/**
 * Sentences about images in other forms (containers-transports(5)): what was found, and the command that makes a
 * layout of it.
 */
const OF_SKOPEO =
  "is an image of skopeo's dir: transport: skopeo copy dir:PATH oci:LAYOUT:TAG makes a layout of it"
const OF_DOCKER =
  "is an unpacked archive of docker save: skopeo copy docker-archive:FILE oci:LAYOUT:TAG makes a layout of the archive"
const IS_ARCHIVE =
  "is an archive: skopeo copy oci-archive:FILE oci:LAYOUT:TAG makes a layout of it, or docker-archive:FILE if docker save made it"
const ARCHIVE = /\.(?:tar|tar\.(?:gz|zst|xz|bz2)|tgz|oci)$/i

/**
 * Whether a directory is a layout: `index.json` or `oci-layout` marks a current one; `refs` and `blobs` one of 2016.
 */
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
