/**
 * The least that Node needs to take layers apart on two threads: inflates, hashes twice, reads headers, creates files,
 * directories and links in place, and sets what they have. No merging (what is there already stays), no limits, no
 * checks, no attributes, nothing flushed: it is no extraction, only what one cannot be faster than.
 *
 *     node bench/ExtractionFloor.mjs ROOT LAYER…          the first, the largest, on this thread; gzip
 */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { isMainThread, Worker, workerData } from "node:worker_threads"
import { createGunzip } from "node:zlib"

const BLOCK = 512
const CHUNK = 2 ** 20

const octal = (bytes, at, length) => {
  let value = 0
  for (let index = at; index < at + length; index++) {
    const digit = bytes[index] - 0x30
    if (digit < 0 || digit > 7) break
    value = value * 8 + digit
  }
  return value
}

const text = (bytes, at, length) => {
  let end = at
  while (end < at + length && bytes[end] !== 0) end++
  return bytes.latin1Slice(at, end)
}

/** Of an extended header, by its type. */
const named = (type, body) => {
  if (type === "L") return { path: text(body, 0, body.length) }
  if (type === "K") return { linkpath: text(body, 0, body.length) }
  const records = body
    .latin1Slice()
    .split("\n")
    .map((line) => /^\d+ (\w+)=(.*)$/.exec(line))
  return Object.fromEntries(records.filter(Boolean).map(([, key, value]) => [key, value]))
}

/** Creates what headers describe. */
class Files {
  #fd = -1
  #header

  constructor(root) {
    this.root = root
  }

  /** Whether data follows that belongs into a file. */
  begin(header) {
    const path = `${this.root}/${header.path}`
    try {
      switch (header.type) {
        case "0":
        case "\0":
          this.#fd = fs.openSync(path, "wx", 0o600)
          this.#header = header
          if (header.size === 0) this.end()
          return header.size > 0
        case "1":
          fs.linkSync(`${this.root}/${header.linkpath}`, path)
          break
        case "2":
          fs.symlinkSync(header.linkpath, path)
          break
        case "5":
          fs.mkdirSync(path)
      }
    } catch (error) {
      if (!["EEXIST", "ENOENT", "ENOTDIR"].includes(error.code)) throw error
    }
    return false
  }

  write(bytes, at, length) {
    fs.writeSync(this.#fd, bytes, at, length)
  }

  end() {
    const { gid, mode, mtime, uid } = this.#header
    if (uid !== 0 || gid !== 0) fs.fchownSync(this.#fd, uid, gid)
    fs.fchmodSync(this.#fd, mode)
    fs.futimesSync(this.#fd, mtime, mtime)
    fs.closeSync(this.#fd)
  }
}

const takeApart = (layer, root) =>
  new Promise((resolve, reject) => {
    const files = new Files(root)
    const hashes = [createHash("sha256"), createHash("sha256")]
    const carry = Buffer.alloc(BLOCK)
    let [carried, remaining, padding] = [0, 0, 0]
    let state = "header"
    let extended = {}
    let parts = []
    let type

    const takeHeader = (bytes, at) => {
      if (bytes[at] === 0) return
      const size = octal(bytes, at + 124, 11)
      type = String.fromCharCode(bytes[at + 156])
      remaining = size
      padding = (BLOCK - (size % BLOCK)) % BLOCK
      if ("xgLK".includes(type)) {
        parts = []
        state = "extended"
        return
      }
      const isUstar = bytes[at + 257] === 0x75 && bytes[at + 262] === 0
      const prefix = isUstar && bytes[at + 345] !== 0 ? `${text(bytes, at + 345, 155)}/` : ""
      const header = {
        path: prefix + text(bytes, at, 100),
        linkpath: text(bytes, at + 157, 100),
        ...extended,
        type,
        size,
        mode: octal(bytes, at + 100, 7),
        uid: octal(bytes, at + 108, 7),
        gid: octal(bytes, at + 116, 7),
        mtime: octal(bytes, at + 136, 11)
      }
      extended = {}
      state = files.begin(header) ? "file" : "skipped"
      if (state === "skipped") skip(remaining + padding)
    }
    const skip = (length) => {
      remaining = length
      state = length === 0 ? "header" : "skipped"
    }
    const ended = () => {
      if (state === "file") files.end()
      if (state === "extended" && type !== "g") Object.assign(extended, named(type, Buffer.concat(parts)))
      skip(state === "skipped" ? 0 : padding)
    }
    const take = (bytes, at) => {
      if (state === "header" && carried === 0 && bytes.length - at >= BLOCK) {
        takeHeader(bytes, at)
        return BLOCK
      }
      if (state === "header") {
        const length = bytes.copy(carry, carried, at, at + BLOCK - carried)
        carried = (carried + length) % BLOCK
        if (carried === 0) takeHeader(carry, 0)
        return length
      }
      const length = Math.min(remaining, bytes.length - at)
      if (state === "file") files.write(bytes, at, length)
      if (state === "extended") parts.push(Buffer.from(bytes.subarray(at, at + length)))
      remaining -= length
      if (remaining === 0) ended()
      return length
    }

    const gunzip = createGunzip({ chunkSize: CHUNK, highWaterMark: CHUNK })
    gunzip.on("data", (bytes) => {
      hashes[1].update(bytes)
      for (let at = 0; at < bytes.length; ) at += take(bytes, at)
    })
    gunzip.on("end", () => resolve(hashes.map((hash) => hash.digest("hex")))).on("error", reject)
    fs.createReadStream(layer, { highWaterMark: CHUNK })
      .on("data", (bytes) => hashes[0].update(bytes))
      .pipe(gunzip)
  })

const [root, layers] = isMainThread ? [process.argv[2], process.argv.slice(3)] : workerData
if (isMainThread) fs.mkdirSync(root, { recursive: true })
const others = isMainThread
  ? new Worker(fileURLToPath(import.meta.url), { workerData: [root, layers.splice(1)] })
  : undefined
const finished = others === undefined ? undefined : new Promise((resolve) => others.once("exit", resolve))
for (const layer of layers) await takeApart(layer, root)
await finished
