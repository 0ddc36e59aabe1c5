/** Writes entries as the archive that they were read from, or might have been. */
import { Buffer } from "node:buffer"
import type { LayerEntry, Timestamp } from "../../src/domain/LayerEntry.ts"
import * as Tar from "./TarWriter.ts"

/** A file's data is its size in bytes of its number in the layer, so that no two files of a layer are alike. */
export const write = (entries: ReadonlyArray<LayerEntry>): Buffer =>
  Tar.archive(...entries.map((entry, number) => member(entry, number)))

export const data = (size: number, number: number): Buffer => Buffer.alloc(size, number % 251)

const member = (entry: LayerEntry, number: number): Buffer => {
  switch (entry._tag) {
    case "File":
      return described(entry, { type: "0" }, data(entry.size, number))
    case "Directory":
      return described(entry, { type: "5" })
    case "Symlink":
      return described(entry, { type: "2" })
    case "Hardlink":
      return Buffer.concat([Tar.pax(names(entry)), Tar.member({ type: "1" })])
    case "Fifo":
      return described(entry, { type: "6" })
    case "CharacterDevice":
    case "BlockDevice": {
      const { major, minor } = entry
      return described(entry, { type: entry._tag === "CharacterDevice" ? "3" : "4", major, minor })
    }
  }
}

const described = (
  entry: Exclude<LayerEntry, { readonly _tag: "Hardlink" }>,
  fields: Tar.Fields,
  content: Uint8Array = new Uint8Array()
): Buffer => {
  const { gid, mode, mtime, uid, xattrs } = entry.metadata
  return Buffer.concat([
    Tar.pax([
      ...names(entry),
      ["mtime", decimal(mtime)],
      ...[...xattrs].map(([name, value]) => [`SCHILY.xattr.${name}`, value] as const)
    ]),
    Tar.member({ ...fields, mode, uid, gid }, content)
  ])
}

/** Of any length, in the extended header. */
const names = (entry: LayerEntry): ReadonlyArray<readonly [string, string]> => [
  // a trailing slash says that it is a directory, whatever the type says
  ["path", entry._tag === "Directory" ? entry.path : entry.path.replace(/\/+$/, "")],
  ...("target" in entry ? [["linkpath", entry.target] as const] : [])
]

const decimal = ({ nanoseconds, seconds }: Timestamp): string => {
  const total = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)
  const digits = `${total < 0n ? -total : total}`.padStart(10, "0")
  return `${total < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`
}
