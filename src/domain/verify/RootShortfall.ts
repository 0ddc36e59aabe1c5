/**
 * Differences that exist because an ordinary user extracted the root. What was impossible then is not damage, and is
 * counted instead of listed path by path.
 */
import { Difference, type PathFacts } from "./PathFacts.ts"

/** What was impossible, and how many differences of a comparison it explains. */
export interface RootShortfall<A> {
  readonly owner: A
  readonly device: A
  readonly xattr: A
}

export interface Explained {
  readonly rest: ReadonlyArray<Difference>
  readonly owner: boolean
  readonly xattr: boolean
}

/**
 * Removes the explained differences. `extractor` is the user who owns everything in such a root: a file of another
 * user was given away later. A file that could not be given to its owner also lacks setuid and setgid.
 */
export const explain = (
  all: ReadonlyArray<Difference>,
  found: PathFacts,
  lacks: RootShortfall<boolean>,
  extractor: number
): Explained => {
  const foreign = all.some(({ _tag }) => _tag === "Uid" || _tag === "Gid")
  const owner = lacks.owner && foreign && found.metadata.uid === extractor
  let xattr = false
  const rest = all.filter((difference) => {
    if (owner && (difference._tag === "Uid" || difference._tag === "Gid")) return false
    if (owner && difference._tag === "Mode") {
      return found.kind !== "File" || difference.found !== (difference.expected & ~SETID)
    }
    if (lacks.xattr && Difference.$is("Xattr")(difference) && difference.found === undefined) {
      xattr = true
      return false
    }
    return true
  })
  return { rest, owner, xattr }
}

/** Prints the counts in one line; `undefined` if all are zero. */
export const render = ({ device, owner, xattr }: RootShortfall<number>): string | undefined => {
  const parts = [
    owner > 0 ? `${owner} without their owners` : undefined,
    device > 0 ? `${device} ${device === 1 ? "device" : "devices"} left out` : undefined,
    xattr > 0 ? `${xattr} without some extended attributes` : undefined
  ].filter((part) => part !== undefined)
  return parts.length === 0 ? undefined : `extracted without root, so there are ${parts.join(", ")}`
}

const SETID = 0o6000
