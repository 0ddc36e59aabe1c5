/**
 * Reads the data of files from the decompressed archives of an image's layers.
 *
 * Files are mostly read in the order of their archive. Small files are therefore written from one buffer, which
 * holds a part of the archive with many of them. Large files are copied by the kernel, which shares their
 * blocks if the file system can.
 */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import type { FileContent } from "../../domain/archive/LayerEntry.ts"
import type { Calls } from "../files/NativeCalls.ts"

/** Copies data. Methods throw errors of the system; call `close` afterwards in any case. */
export class LayerArchives {
  readonly #paths: ReadonlyArray<string>
  readonly #calls: Calls
  readonly #fds: Array<number | undefined> = []
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER)
  /** The archive and the part of it that the buffer holds. */
  #layer = -1
  #begin = 0
  #end = 0

  /** Takes the path of each layer's archive, the lowest layer first. */
  constructor(paths: ReadonlyArray<string>, calls: Calls) {
    this.#paths = paths
    this.#calls = calls
  }

  /**
   * Writes a file's data to `to`, a new file. A large file is copied in several steps: the function that is
   * returned then copies the next part, and returns whether there is more.
   */
  copy({ layer, offset, runs }: FileContent, size: number, to: number): (() => boolean) | undefined {
    if (runs === undefined && size <= SMALL) {
      if (size > 0) this.#small(layer, offset, size, to, 0)
      return undefined
    }
    const pieces = this.#pieces({ layer, offset, runs: runs ?? [0, size] }, size, to)
    return () => pieces.next().done !== true
  }

  close(): void {
    for (const fd of this.#fds) if (fd !== undefined) fs.closeSync(fd)
  }

  *#pieces(
    { layer, offset, runs }: Required<FileContent>,
    size: number,
    to: number
  ): Generator<void, void, undefined> {
    // Everything between the runs is a hole, and so is the rest of the file after the last one.
    fs.ftruncateSync(to, size)
    let at = offset
    for (let run = 0; run < runs.length; run += 2) {
      let position = runs[run] ?? 0
      for (let left = runs[run + 1] ?? 0; left > 0; yield) {
        const length = Math.min(left, TURN)
        const copied =
          length <= SMALL
            ? this.#small(layer, at, length, to, position)
            : this.#large(layer, at, length, to, position)
        at += copied
        position += copied
        left -= copied
      }
    }
  }

  #small(layer: number, offset: number, length: number, to: number, position: number): number {
    if (layer !== this.#layer || offset < this.#begin || offset + length > this.#end) {
      this.#layer = layer
      this.#begin = offset
      this.#end = offset + fs.readSync(this.#fd(layer), this.#buffer, 0, BUFFER, offset)
      if (offset + length > this.#end) throw cutOff(this.#paths[layer])
    }
    const from = offset - this.#begin
    for (let done = 0; done < length; ) {
      done += fs.writeSync(to, this.#buffer, from + done, length - done, position + done)
    }
    return length
  }

  #large(layer: number, offset: number, length: number, to: number, position: number): number {
    const copied = this.#calls.copyRange(this.#fd(layer), offset, to, position, length)
    if (copied === 0) throw cutOff(this.#paths[layer])
    return copied ?? this.#small(layer, offset, Math.min(length, SMALL), to, position)
  }

  #fd(layer: number): number {
    const path = this.#paths[layer]
    if (path === undefined) throw new Error(`there is no layer ${layer}`)
    const fd = this.#fds[layer] ?? fs.openSync(path, "r")
    this.#fds[layer] = fd
    return fd
  }
}

/** Makes an error with the fields of Node's own errors. */
const cutOff = (path: string | undefined): NodeJS.ErrnoException =>
  Object.assign(new Error(`EIO: the archive ${path} ends within a file`), { code: "EIO", syscall: "read" })

const BUFFER = 1 << 20
/** The most bytes of a file that is copied through the buffer. */
const SMALL = 1 << 18
/** Bytes that are copied in one step. */
const TURN = 1 << 24
