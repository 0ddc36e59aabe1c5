/**
 * Tar archives as a stream of chunks, ustar with PAX records where ustar cannot say it (pax(1)): for layers that are too
 * large for memory. Entries come in, from anything that can be iterated; nothing is held but one chunk.
 *
 * An entry: `path`; `type`, one of TYPES; `mode`; `uid`, `gid`; `mtime` in nanoseconds (bigint); `link`; `size` with `data`
 * (a Buffer, or an iterable of them); `major`, `minor`; `xattrs`, name to Buffer. All but the path have defaults.
 */
const BLOCK = 512
/** What is compressed and hashed at a time. */
const CHUNK = 2 ** 20
const NANOSECONDS = 1_000_000_000n

const TYPES = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6"
}

/** Field widths of ustar: what does not fit goes to a PAX record. */
const NAME_MAX = 100
const OCTAL_7 = 0o7777777
const OCTAL_11 = 0o77777777777

const ZEROS = Buffer.alloc(BLOCK)

const pathBytes = (path) => (typeof path === "string" ? Buffer.from(path) : path)

const headerBlock = ({ name, mode, uid, gid, size, mtime, type, link, major, minor }) => {
  const block = Buffer.alloc(BLOCK)
  const octal = (at, width, value) => block.write(value.toString(8).padStart(width - 1, "0"), at, "latin1")
  name.copy(block, 0, 0, NAME_MAX)
  octal(100, 8, mode)
  octal(108, 8, uid)
  octal(116, 8, gid)
  octal(124, 12, size)
  octal(136, 12, mtime)
  block.write(type, 156, "latin1")
  link.copy(block, 157, 0, NAME_MAX)
  block.write("ustar\x0000", 257, "latin1")
  octal(329, 8, major)
  octal(337, 8, minor)
  block.fill(0x20, 148, 156)
  let sum = 0
  for (let at = 0; at < BLOCK; at++) sum += block[at]
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1")
  return block
}

/** The length at the start of a record counts itself. */
const record = (key, value) => {
  const body = Buffer.concat([Buffer.from(` ${key}=`), pathBytes(value), Buffer.from("\n")])
  let length = body.length + 1
  while (`${length}`.length + body.length !== length) length = `${length}`.length + body.length
  return Buffer.concat([Buffer.from(`${length}`), body])
}

const padding = (size) => ZEROS.subarray(0, (BLOCK - (size % BLOCK)) % BLOCK)

const decimal = (nanoseconds) => {
  const sign = nanoseconds < 0n ? "-" : ""
  const magnitude = nanoseconds < 0n ? -nanoseconds : nanoseconds
  return `${sign}${magnitude / NANOSECONDS}.${String(magnitude % NANOSECONDS).padStart(9, "0")}`
}

function* headers(entry) {
  const { type = "file", mode = type === "directory" ? 0o755 : 0o644, uid = 0, gid = 0 } = entry
  const { mtime = 0n, major = 0, minor = 0, xattrs = {} } = entry
  const plain = pathBytes(entry.path)
  const name = type === "directory" ? Buffer.concat([plain, Buffer.from("/")]) : plain
  const link = pathBytes(entry.link ?? "")
  const size = entry.size ?? entry.data?.length ?? 0
  const seconds = mtime / NANOSECONDS
  const secondsFit = mtime >= 0n && mtime % NANOSECONDS === 0n && seconds <= BigInt(OCTAL_11)
  const records = [
    ...(name.length > NAME_MAX ? [record("path", name)] : []),
    ...(link.length > NAME_MAX ? [record("linkpath", link)] : []),
    ...(size > OCTAL_11 ? [record("size", `${size}`)] : []),
    ...(uid > OCTAL_7 ? [record("uid", `${uid}`)] : []),
    ...(gid > OCTAL_7 ? [record("gid", `${gid}`)] : []),
    ...(secondsFit ? [] : [record("mtime", decimal(mtime))]),
    ...Object.entries(xattrs).map(([key, value]) => record(`SCHILY.xattr.${key}`, value))
  ]
  const common = { mode, uid: 0, gid: 0, mtime: 0, major: 0, minor: 0 }
  if (records.length > 0) {
    const data = Buffer.concat(records)
    const extended = { ...common, name: Buffer.from("PaxHeaders/entry"), type: "x", link: Buffer.alloc(0) }
    yield headerBlock({ ...extended, size: data.length })
    yield data
    yield padding(data.length)
  }
  yield headerBlock({
    name,
    mode,
    uid: uid > OCTAL_7 ? 0 : uid,
    gid: gid > OCTAL_7 ? 0 : gid,
    size: size > OCTAL_11 ? 0 : size,
    mtime: secondsFit ? Number(seconds) : 0,
    type: TYPES[type],
    link,
    major,
    minor
  })
}

function* pieces(entries) {
  for (const entry of entries) {
    yield* headers(entry)
    if (entry.data === undefined) continue
    let written = 0
    for (const data of Buffer.isBuffer(entry.data) ? [entry.data] : entry.data) {
      yield data
      written += data.length
    }
    if (written !== (entry.size ?? written))
      throw new Error(`${entry.path}: ${written} bytes, not ${entry.size}`)
    yield padding(written)
  }
  yield ZEROS
  yield ZEROS
}

/** The archive in chunks of a mebibyte, each a buffer of its own. */
export function* archive(entries) {
  let chunk = Buffer.allocUnsafe(CHUNK)
  let used = 0
  for (const piece of pieces(entries)) {
    let taken = 0
    while (taken < piece.length) {
      const length = Math.min(piece.length - taken, CHUNK - used)
      piece.copy(chunk, used, taken, taken + length)
      taken += length
      used += length
      if (used === CHUNK) {
        yield chunk
        chunk = Buffer.allocUnsafe(CHUNK)
        used = 0
      }
    }
  }
  if (used > 0) yield chunk.subarray(0, used)
}
