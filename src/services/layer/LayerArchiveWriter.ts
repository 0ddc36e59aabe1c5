/**
 * Writes members to a tar archive, for programs and tests that make layers. Names and attributes are bytes, which
 * tar-stream does not write, so each member has an extended header of ours before it (pax(1)).
 */
import { Buffer } from "node:buffer"
import type { LayerEntry, Timestamp } from "../../domain/archive/LayerEntry.ts"
import { TaggedError } from "../../domain/text/TaggedError.ts"

/** A member to be written. What `LayerReader.read` yields is one, too. */
export interface NewMember {
  readonly entry: LayerEntry
  /** The data of a file: as many bytes as its entry says. The archive holds sparse files with their zeros. */
  readonly data?: Uint8Array | string | AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** A file has other data than its entry says. */
export class MemberDataInvalid extends TaggedError("MemberDataInvalid")<{
  readonly path: string
  readonly expected: number
  readonly actual: number
}> {
  override get message(): string {
    return `the file ${JSON.stringify(this.path)} is to have ${this.expected} bytes, and its data has ${this.actual}`
  }
}

/** Yields the archive piece by piece: the same members give the same bytes. */
export async function* write(
  members: AsyncIterable<NewMember> | Iterable<NewMember>
): AsyncGenerator<Uint8Array, void, undefined> {
  // Only programs that write layers load it.
  const { pack } = await import("tar-stream")
  for await (const { data, entry } of members) {
    const extended = extendedHeader(entry)
    yield await blockOf(pack, { name: "PaxHeader", type: "pax-header", size: extended.length, ...FIXED })
    yield padded(extended)
    const { uid, gid, mode } = entry._tag === "Hardlink" ? NO_METADATA : entry.metadata
    const size = entry._tag === "File" ? entry.size : 0
    yield await blockOf(pack, {
      ...FIXED,
      // The extended header has the name that counts. Of a file, one that ends in a slash would mean a directory.
      name: "member",
      type: entry._tag === "File" && entry.path.endsWith("/") ? "contiguous-file" : TYPES[entry._tag],
      // tar-stream takes a mode of 0 for none, and writes the lower bits only.
      mode: mode | 0o100000,
      uid: Math.min(uid, MAX_OCTAL_ID),
      gid: Math.min(gid, MAX_OCTAL_ID),
      size,
      ...("target" in entry ? { linkname: "target" } : {}),
      ...("major" in entry ? { devmajor: entry.major, devminor: entry.minor } : {})
    })
    if (entry._tag === "File") {
      yield* checked(entry, data ?? "")
      if (size % BLOCK > 0) yield new Uint8Array(BLOCK - (size % BLOCK))
    }
  }
  yield new Uint8Array(2 * BLOCK)
}

/** Has tar-stream write the block of a header, and nothing after it. */
const blockOf = (
  makePack: typeof import("tar-stream").pack,
  header: Readonly<Record<string, unknown>>
): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    const pack = makePack()
    pack.once("data", (chunk) => {
      resolve((chunk as Uint8Array).subarray(0, BLOCK))
      pack.destroy()
    })
    pack.once("error", reject)
    // The sink of a file fails when the archive ends before its data.
    pack.entry({ ...header } as unknown as Parameters<typeof pack.entry>[0]).on("error", () => {})
  })

const padded = (bytes: Uint8Array): Uint8Array => {
  const blocks = new Uint8Array(Math.ceil(bytes.length / BLOCK) * BLOCK)
  blocks.set(bytes)
  return blocks
}

async function* checked(
  { path, size }: { readonly path: string; readonly size: number },
  data: NonNullable<NewMember["data"]>
): AsyncGenerator<Uint8Array, void, undefined> {
  let actual = 0
  const fail = () => new MemberDataInvalid({ path, expected: size, actual })
  const chunks = typeof data === "string" ? [Buffer.from(data)] : data instanceof Uint8Array ? [data] : data
  for await (const bytes of chunks) {
    actual += bytes.length
    if (actual > size) throw fail()
    yield bytes
  }
  if (actual !== size) throw fail()
}

const extendedHeader = (entry: LayerEntry): Buffer => {
  const records: Array<readonly [key: string, value: string | Uint8Array]> = [["path", entry.path]]
  if (entry._tag === "Hardlink" || entry._tag === "Symlink") records.push(["linkpath", entry.target])
  if (entry._tag !== "Hardlink") {
    const { gid, mtime, uid, xattrs } = entry.metadata
    records.push(["mtime", decimal(mtime)])
    if (uid > MAX_OCTAL_ID) records.push(["uid", `${uid}`])
    if (gid > MAX_OCTAL_ID) records.push(["gid", `${gid}`])
    for (const [name, value] of xattrs) records.push([`SCHILY.xattr.${name}`, value])
  }
  return Buffer.concat(records.map(([key, value]) => record(key, value)))
}

/** One record: its own length in decimal, a blank, key, `=`, value, a newline. Texts have one character a byte. */
const record = (key: string, value: string | Uint8Array): Buffer => {
  const body = Buffer.concat([
    Buffer.from(` ${key}=`, "latin1"),
    typeof value === "string" ? Buffer.from(value, "latin1") : value,
    Buffer.from("\n")
  ])
  let length = body.length + 1
  while (`${length}`.length + body.length !== length) length = `${length}`.length + body.length
  return Buffer.concat([Buffer.from(`${length}`), body])
}

const decimal = ({ nanoseconds, seconds }: Timestamp): string => {
  const total = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)
  const digits = `${total < 0n ? -total : total}`.padStart(10, "0")
  return `${total < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`
}

const TYPES: Readonly<Record<LayerEntry["_tag"], string>> = {
  File: "file",
  Hardlink: "link",
  Symlink: "symlink",
  CharacterDevice: "character-device",
  BlockDevice: "block-device",
  Directory: "directory",
  Fifo: "fifo"
}

const BLOCK = 512
/** The time of the header; the extended header has the one that counts. */
const FIXED = { mtime: new Date(0) }
const NO_METADATA = { uid: 0, gid: 0, mode: 0 }
/** The highest id that the six digits of tar-stream hold. */
const MAX_OCTAL_ID = 0o777777
