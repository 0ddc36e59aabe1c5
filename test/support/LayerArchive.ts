/** Entries as a tar archive that reads back as them. */
import type { LayerEntry, Timestamp } from "../../src/domain/archive/LayerEntry.ts"
import * as Tar from "./TarWriter.ts"

/** What a file holds: enough to find the entry that brought it. */
export const contentOf = ({ content }: Extract<LayerEntry, { _tag: "File" }>): string =>
  `${content.layer}.${content.offset}`

export const archiveOf = (entries: ReadonlyArray<LayerEntry>): Buffer =>
  Tar.archive(...entries.map((entry) => memberOf(entry, entry._tag === "File" ? contentOf(entry) : "")))

/** The same with files of the sizes that they say, no two of a layer alike. */
export const write = (entries: ReadonlyArray<LayerEntry>): Buffer =>
  Tar.archive(
    ...entries.map((entry, number) =>
      memberOf(entry, entry._tag === "File" ? Buffer.alloc(entry.size, number % 251) : "")
    )
  )

const memberOf = (entry: LayerEntry, data: Uint8Array | string): Uint8Array => {
  const target = entry._tag === "Symlink" || entry._tag === "Hardlink" ? entry.target : ""
  const { gid = 0, mode = 0, mtime, uid = 0, xattrs = [] } = entry._tag === "Hardlink" ? {} : entry.metadata
  return Buffer.concat([
    Tar.pax([
      ["path", entry.path],
      ...(target === "" ? [] : [["linkpath", target] as const]),
      ...(mtime === undefined ? [] : [["mtime", decimal(mtime)] as const]),
      ...[...xattrs].map(([name, value]) => [`SCHILY.xattr.${name}`, value] as const)
    ]),
    Tar.member(
      {
        name: "x",
        type: TYPES[entry._tag],
        mode,
        uid,
        gid,
        ...("major" in entry ? { major: entry.major, minor: entry.minor } : {})
      },
      data
    )
  ])
}

/** A file is a contiguous one: of type "0", and with a slash at its end, it would be a directory. */
const TYPES: Record<LayerEntry["_tag"], string> = {
  File: "7",
  Hardlink: "1",
  Symlink: "2",
  CharacterDevice: "3",
  BlockDevice: "4",
  Directory: "5",
  Fifo: "6"
}

const decimal = ({ nanoseconds, seconds }: Timestamp): string => {
  const total = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)
  const digits = `${total < 0n ? -total : total}`.padStart(10, "0")
  return `${total < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`
}
