/**
 * One member of a tar archive, put together from its header block and the extended headers before it.
 *
 *     member = *extended header [data]
 *     extended = "x" (PAX) | "L" (GNU long name) | "K" (GNU long link name)
 *     type   = "0" NUL "7" "S" file | "1" hard link | "2" symlink | "3" "4" devices | "5" directory | "6" fifo
 */

import * as Either from "effect/Either"
import { type ByteString, display } from "../text/ByteString.ts"
import { LONGEST_PATH, NAME_MAX, PATH_MAX } from "../text/PathLimits.ts"
import { TaggedError } from "../text/TaggedError.ts"
import { type FileContent, LayerEntry, type Metadata } from "./LayerEntry.ts"
import type { PaxRecords } from "./PaxRecords.ts"
import type { TarHeader } from "./TarHeader.ts"

/** The content of the extended headers before a member. */
export interface Extended {
  readonly pax?: PaxRecords | undefined
  readonly longName?: ByteString | undefined
  readonly longLink?: ByteString | undefined
}

/** A member that no layer may have. */
export class TarMemberInvalid extends TaggedError("TarMemberInvalid")<{
  readonly field: string
  readonly value: string
  readonly problem: string
}> {
  override get message() {
    return `its ${this.field} ${JSON.stringify(this.value)} ${this.problem}`
  }
}

/** The highest id that chown(2) can set: 2³²−1 means "unchanged". */
export const MAX_ID = 2 ** 32 - 2
/** The kernel's dev_t has 12 bits for the major number and 20 for the minor. */
export const MAX_MAJOR = 4095
export const MAX_MINOR = 2 ** 20 - 1

/** Returns the name that counts: of the PAX record, else of the GNU header, else of the header block. */
export const nameOf = (header: TarHeader, { pax, longName }: Extended): ByteString =>
  pax?.sparse?.name ?? pax?.path ?? longName ?? header.name

/** Returns how many bytes the archive stores for the member. */
export const storedSize = (header: TarHeader, { pax }: Extended): number => pax?.size ?? header.size

/**
 * Makes the member's entry. `size` is the size of the extracted file, which for sparse files is more than is stored.
 */
export const entryOf = (
  header: TarHeader,
  extended: Extended,
  size: number,
  content: FileContent
): Either.Either<LayerEntry, TarMemberInvalid> => {
  const { pax, longName, longLink } = extended
  const path = nameOf(header, extended)
  if (pax?.path !== undefined && longName !== undefined && pax.path !== longName) {
    return refuse("PAX path", pax.path, `is not its GNU long name ${JSON.stringify(display(longName))}`)
  }
  if (pax?.linkPath !== undefined && longLink !== undefined && pax.linkPath !== longLink) {
    return refuse(
      "PAX linkpath",
      pax.linkPath,
      `is not its GNU long link name ${JSON.stringify(display(longLink))}`
    )
  }
  const bad = badPath("name", path)
  if (bad !== undefined) return Either.left(bad)
  const tag = tagOf(header, path)
  if (tag === undefined) return refuse("type", header.type, "is not one that a layer may have")
  if (tag !== "File" && storedSize(header, extended) !== 0) {
    return refuse("size", `${storedSize(header, extended)}`, "should be 0: only files have data")
  }
  const target = pax?.linkPath ?? longLink ?? header.linkName
  if (tag === "Hardlink") {
    if (target === "") return refuse("link target", "", "is empty")
    const problem = badPath("link target", target)
    return problem === undefined ? Either.right(LayerEntry.Hardlink({ path, target })) : Either.left(problem)
  }
  const uid = pax?.uid ?? header.uid
  const gid = pax?.gid ?? header.gid
  if (uid < 0 || uid > MAX_ID) return refuse("uid", `${uid}`, `is not from 0 to ${MAX_ID}`)
  if (gid < 0 || gid > MAX_ID) return refuse("gid", `${gid}`, `is not from 0 to ${MAX_ID}`)
  const metadata: Metadata = {
    mode: header.mode,
    uid,
    gid,
    mtime: pax?.mtime ?? { seconds: header.mtime, nanoseconds: 0 },
    xattrs: pax?.xattrs ?? NO_XATTRS
  }
  switch (tag) {
    case "File":
      return Either.right(LayerEntry.File({ path, metadata, size, content }))
    case "Directory":
      return Either.right(LayerEntry.Directory({ path, metadata }))
    case "Fifo":
      return Either.right(LayerEntry.Fifo({ path, metadata }))
    case "Symlink":
      if (target === "") return refuse("link target", "", "is empty")
      if (target.length > LONGEST_PATH)
        return refuse("link target", cut(target), `has over ${LONGEST_PATH} bytes`)
      return Either.right(LayerEntry.Symlink({ path, metadata, target }))
    case "CharacterDevice":
    case "BlockDevice": {
      const { major, minor } = header
      if (major > MAX_MAJOR) return refuse("device major", `${major}`, `is over ${MAX_MAJOR}`)
      if (minor > MAX_MINOR) return refuse("device minor", `${minor}`, `is over ${MAX_MINOR}`)
      return Either.right(LayerEntry[tag]({ path, metadata, major, minor }))
    }
  }
}

/**
 * Returns the entry's kind. v7 had no type for directories: in its archives, and in those of some old programs, a
 * file whose name ends in "/" is a directory.
 */
const tagOf = (header: TarHeader, path: ByteString): LayerEntry["_tag"] | undefined =>
  header.type === "0" && path.endsWith("/") ? "Directory" : TAGS.get(header.type)

const TAGS: ReadonlyMap<string, LayerEntry["_tag"]> = new Map([
  ["0", "File"],
  ["7", "File"],
  ["S", "File"],
  ["1", "Hardlink"],
  ["2", "Symlink"],
  ["3", "CharacterDevice"],
  ["4", "BlockDevice"],
  ["5", "Directory"],
  ["6", "Fifo"]
])

const badPath = (field: string, path: ByteString): TarMemberInvalid | undefined => {
  if (path.length <= NAME_MAX) return undefined
  if (path.length > PATH_MAX) return invalid(field, cut(path), `has over ${PATH_MAX} bytes`)
  const long = path.split("/").find((name) => name.length > NAME_MAX)
  return long === undefined ? undefined : invalid(field, cut(path), `has a component over ${NAME_MAX} bytes`)
}

const invalid = (field: string, value: string, problem: string) =>
  new TarMemberInvalid({ field, value, problem })
const refuse = (field: string, value: string, problem: string) =>
  Either.left(invalid(field, display(value as ByteString), problem))
/** Cuts a long name to its beginning, which is enough to find the member. */
const cut = (path: ByteString) => `${path.slice(0, 80)}...`
const NO_XATTRS: ReadonlyMap<ByteString, Uint8Array> = new Map()
