/**
 * A digest of a file's data that takes no time for holes: a sparse file of a terabyte takes as long as its data.
 *
 *     digest = SHA-256(data without its zero blocks [SHA-256(zero runs)])
 *     runs   = *(first block (8 bytes) count (8))             blocks are 64 KiB, aligned; runs as long as can be
 *
 * It is the plain SHA-256 of a file without a block of zeros, and is the same for holes and for stored zeros. Two
 * different files of the same size never have the same digest; the caller must compare sizes.
 */
import { Buffer } from "node:buffer"
import { createHash, type Hash } from "node:crypto"

/** Computes digests of one file after another: `end` begins the next. */
export class ContentDigest {
  #hash = createHash("sha256")
  /** The hash of the runs of zero blocks. */
  #runs: Hash | undefined
  #runStart = 0
  #runLength = 0
  /** Full blocks so far. */
  #blocks = 0
  /** The block that is not full yet. */
  readonly #block = Buffer.allocUnsafeSlow(BLOCK)
  #filled = 0
  #position = 0

  /** Adds data in ascending order. Everything left out is a hole. */
  write(bytes: Uint8Array, start: number, length: number, position: number): void {
    this.#skipTo(position)
    let at = start
    const end = start + length
    while (at < end) {
      const taken = Math.min(BLOCK - this.#filled, end - at)
      if (taken === BLOCK) {
        this.#full(bytes.subarray(at, at + BLOCK))
      } else {
        this.#block.set(bytes.subarray(at, at + taken), this.#filled)
        this.#advance(taken)
      }
      at += taken
    }
    this.#position = position + length
  }

  /** Returns the digest of the whole file of `size` bytes. The rest of it is a hole. */
  end(size: number): Buffer {
    this.#skipTo(size)
    this.#endRun()
    this.#hash.update(this.#block.subarray(0, this.#filled))
    if (this.#runs !== undefined) this.#hash.update(this.#runs.digest())
    const digest = this.#hash.digest()
    this.#hash = createHash("sha256")
    this.#runs = undefined
    this.#blocks = 0
    this.#filled = 0
    this.#position = 0
    return digest
  }

  #skipTo(position: number): void {
    let zeros = position - this.#position
    if (zeros <= 0) return
    if (this.#filled > 0) {
      const taken = Math.min(BLOCK - this.#filled, zeros)
      this.#zero(taken)
      zeros -= taken
    }
    const blocks = Math.floor(zeros / BLOCK)
    if (blocks > 0) this.#run(blocks)
    this.#zero(zeros - blocks * BLOCK)
    this.#position = position
  }

  #zero(length: number): void {
    this.#block.fill(0, this.#filled, this.#filled + length)
    this.#advance(length)
  }

  #advance(length: number): void {
    this.#filled += length
    if (this.#filled < BLOCK) return
    this.#filled = 0
    this.#full(this.#block)
  }

  #full(block: Uint8Array): void {
    if (block[0] === 0 && ZEROS.equals(block)) {
      this.#run(1)
      return
    }
    this.#endRun()
    this.#hash.update(block)
    this.#blocks++
  }

  #run(blocks: number): void {
    if (this.#runLength === 0) this.#runStart = this.#blocks
    this.#runLength += blocks
    this.#blocks += blocks
  }

  #endRun(): void {
    if (this.#runLength === 0) return
    const run = Buffer.alloc(16)
    run.writeDoubleBE(this.#runStart, 0)
    run.writeDoubleBE(this.#runLength, 8)
    this.#runs ??= createHash("sha256")
    this.#runs.update(run)
    this.#runLength = 0
  }
}

const BLOCK = 1 << 16
const ZEROS = Buffer.alloc(BLOCK)
