/**
 * Writes the data of a layer's regular files into flat directories, each with its final owner, mode, attributes and
 * time: what remains to be done is to give it its names, one link(2) each.
 *
 *     DIRECTORY/<entry ÷ 128>/<entry>
 *
 * Only numbers make up the names, so nothing that a layer says can lead anywhere. The directory must be in a private one
 * (0700): a setuid file of an unverified layer lies in it.
 */
import * as fs from "node:fs"
import type { ContentId, Metadata } from "../domain/archive/LayerEntry.ts"
import { dropReason } from "../domain/layer/LayerXattrs.ts"
import type { File, FileSink } from "./layer/FileSink.ts"
import type { Calls } from "./files/NativeCalls.ts"
import type { Shortfalls } from "./Shortfalls.ts"

/** Where a file's data is staged. */
export const pathOf = (directory: string, { entry }: ContentId): string =>
  `${directory}/${Math.floor(entry / SHARD)}/${entry}`

/** Throws what the system says; `close` afterwards in any case. One file is open at a time. */
export class StagedFiles implements FileSink {
  readonly #directory: string
  readonly #calls: Calls
  readonly #shortfalls: Shortfalls
  readonly #owner: Owner
  #shard = -1
  #fd = -1
  #file: File | undefined
  /** The file's length so far: a sparse file may end in a hole. */
  #length = 0

  /** Makes the directory. */
  constructor(directory: string, calls: Calls, shortfalls: Shortfalls) {
    this.#directory = directory
    this.#calls = calls
    this.#shortfalls = shortfalls
    fs.mkdirSync(this.#directory, PRIVATE)
    this.#owner = ownerOfNewFiles(this.#directory)
  }

  /** The file being written, for errors. */
  get current(): File | undefined {
    return this.#file
  }

  begin(file: File): void {
    this.#file = file
    const { entry } = file.content
    const shard = Math.floor(entry / SHARD)
    if (shard !== this.#shard) {
      fs.mkdirSync(`${this.#directory}/${shard}`, PRIVATE)
      this.#shard = shard
    }
    this.#fd = fs.openSync(`${this.#directory}/${shard}/${entry}`, CREATE, 0o600)
    this.#length = 0
  }

  write(bytes: Uint8Array, start: number, length: number, position: number): void {
    let done = 0
    while (done < length) {
      done += fs.writeSync(this.#fd, bytes, start + done, length - done, position + done)
    }
    this.#length = position + length
  }

  end(): void {
    const file = this.#file
    if (file === undefined) return
    const fd = this.#fd
    if (file.size > this.#length) fs.ftruncateSync(fd, file.size)
    this.#describe(fd, file, file.metadata)
    this.#fd = -1
    fs.closeSync(fd)
    this.#file = undefined
  }

  finish(): void {}

  close(): void {
    if (this.#fd >= 0) fs.closeSync(this.#fd)
    this.#fd = -1
  }

  /** chown(2) takes setuid and capabilities away, writing an attribute changes no time: the order counts. */
  #describe(fd: number, file: File, { gid, mode, mtime, uid, xattrs }: Metadata): void {
    let owned = true
    if (uid !== this.#owner.uid || gid !== this.#owner.gid) {
      owned = this.#shortfalls.attempt("owner", file.path, () => fs.fchownSync(fd, uid, gid))
    }
    // A setuid file of somebody else's must not become one of whoever extracts.
    fs.fchmodSync(fd, owned ? mode : mode & WITHOUT_SETID)
    for (const [name, value] of xattrs) {
      if (dropReason("File", name) !== undefined) continue
      this.#shortfalls.attempt("xattr", file.path, () => this.#calls.setXattrOfFile(fd, name, value))
    }
    this.#calls.setModifiedOfFile(fd, mtime)
  }
}

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Whom a file made here belongs to: a setgid directory, or a mount option, gives the directory's group. */
const ownerOfNewFiles = (directory: string): Owner => {
  const { gid } = fs.statSync(directory)
  const uid = process.geteuid?.() ?? -1
  return gid === process.getegid?.() ? { uid, gid } : { uid: -1, gid: -1 }
}

/** Entries a directory: creating in one of a few blocks costs ext4 two thirds of what it does in a large one. */
const SHARD = 128
const PRIVATE = 0o700
const WITHOUT_SETID = 0o1777
const CREATE =
  fs.constants.O_WRONLY |
  fs.constants.O_CREAT |
  fs.constants.O_EXCL |
  fs.constants.O_NOFOLLOW |
  fs.constants.O_NOCTTY
