/**
 * Reads a tar archive that is pushed to it piece by piece, and passes its content to a sink (tar(5), pax(1),
 * image-spec layer.md). The reader is synchronous, and its memory is bounded: one block, one extended header, one
 * sparse map.
 *
 *     archive = *(*extended member) [zero block zero block *anything]
 *     member  = header *(sparse block) data padding
 *
 * Data after the two blocks of zeros is not part of the archive, as in GNU tar; missing blocks of zeros are accepted.
 */

import * as Either from "effect/Either"
import { ExtendedHeaders, tooLong } from "../../domain/archive/ExtendedHeaders.ts"
import type { FileContent, LayerEntry } from "../../domain/archive/LayerEntry.ts"
import * as Pax from "../../domain/archive/PaxRecords.ts"
import * as Sparse from "../../domain/archive/SparseMap.ts"
import * as Header from "../../domain/archive/TarHeader.ts"
import * as Member from "../../domain/archive/TarMember.ts"
import { structure, type TarStructureInvalid } from "../../domain/archive/TarStructureInvalid.ts"
import { display } from "../../domain/text/ByteString.ts"
import { TaggedError } from "../../domain/text/TaggedError.ts"

export interface Sink {
  readonly entry: (entry: LayerEntry) => void
  /**
   * Receives bytes of the last file and their position in it. `bytes` is the pushed chunk, which must be used at once
   * or copied.
   */
  readonly data: (bytes: Uint8Array, start: number, length: number, position: number) => void
  /** Called when the last file has all its data. */
  readonly fileEnd: () => void
}

/**
 * A malformed archive. `offset` is where the member begins in the uncompressed archive; `entry` is its name, as far
 * as it is known.
 */
export class TarInvalid extends TaggedError("TarInvalid")<{
  readonly offset: number
  readonly entry: string | null
  readonly cause:
    | Header.TarHeaderInvalid
    | Member.TarMemberInvalid
    | Pax.PaxRecordsInvalid
    | Sparse.SparseMapInvalid
    | TarStructureInvalid
}> {
  override get message() {
    const where = this.entry === null ? "the archive" : `member ${JSON.stringify(this.entry)}`
    return `${where} at offset ${this.offset}: ${this.cause.message}`
  }
}

type Problem = TarInvalid["cause"]
type State = "header" | "collect" | "sparseBlocks" | "mapText" | "data" | "skip" | "end"

const { BLOCK } = Header

/** The reader. After a failure every further call fails in the same way. It throws only errors of the sink. */
export class TarReader {
  readonly #sink: Sink
  readonly #carry = new Uint8Array(BLOCK)
  #carried = 0
  /** Offset of the current chunk in the archive. */
  #base = 0
  #failure: TarInvalid | undefined
  #state: State = "header"
  #zeroSeen = false
  /** Where the block begins that is being read. */
  #blockAt = 0
  /** Where the member begins, counted from its first extended header. */
  #memberAt = -1
  readonly #preceding = new ExtendedHeaders()
  /** Bytes still to come of an extended header, of data, or of skipped data. */
  #remaining = 0
  #padding = 0
  /** The position of the next byte in the file. */
  #position = 0
  #header: Header.TarHeader | undefined
  #realSize = 0
  #runs: Array<number> | undefined
  #run = 0
  #runLeft = 0
  #mapText = Sparse.emptyMapText()

  constructor(sink: Sink) {
    this.#sink = sink
  }

  push(chunk: Uint8Array): Either.Either<void, TarInvalid> {
    if (this.#failure !== undefined) return Either.left(this.#failure)
    let at = 0
    while (at < chunk.length) {
      const available = chunk.length - at
      switch (this.#state) {
        case "end":
          at = chunk.length
          break
        case "skip": {
          const taken = Math.min(available, this.#remaining)
          this.#remaining -= taken
          at += taken
          if (this.#remaining === 0) this.#state = "header"
          break
        }
        case "data":
          at += this.#takeData(chunk, at, available)
          break
        case "collect": {
          const taken = Math.min(available, this.#remaining)
          const problem = this.#preceding.take(chunk.subarray(at, at + taken))
          if (problem !== undefined) return this.#fail(problem)
          this.#remaining -= taken
          at += taken
          if (this.#remaining === 0) this.#skip(0)
          break
        }
        default: {
          let problem: Problem | undefined
          if (this.#carried === 0 && available >= BLOCK) {
            problem = this.#takeBlock(chunk, at, this.#base + at)
            at += BLOCK
          } else {
            const taken = Math.min(available, BLOCK - this.#carried)
            this.#carry.set(chunk.subarray(at, at + taken), this.#carried)
            this.#carried += taken
            at += taken
            if (this.#carried < BLOCK) break
            this.#carried = 0
            problem = this.#takeBlock(this.#carry, 0, this.#base + at - BLOCK)
          }
          if (problem !== undefined) return this.#fail(problem)
        }
      }
    }
    this.#base += chunk.length
    return OK
  }

  end(): Either.Either<void, TarInvalid> {
    if (this.#failure !== undefined) return Either.left(this.#failure)
    if (this.#state === "end") return OK
    if (this.#state !== "header" || this.#carried > 0) {
      if (this.#memberAt < 0) this.#memberAt = this.#base - this.#carried
      return this.#fail(structure(`is cut off at offset ${this.#base}`))
    }
    return this.#preceding.isEmpty ? OK : this.#fail(structure("is an extended header without a member"))
  }

  #fail(cause: Problem): Either.Either<void, TarInvalid> {
    const name =
      this.#header === undefined ? undefined : Member.nameOf(this.#header, this.#preceding.extended)
    this.#failure = new TarInvalid({
      offset: Math.max(this.#memberAt, 0),
      entry: name === undefined ? null : display(name),
      cause
    })
    return Either.left(this.#failure)
  }

  #takeBlock(bytes: Uint8Array, at: number, offset: number): Problem | undefined {
    this.#blockAt = offset
    if (this.#state === "sparseBlocks") return this.#takeSparseBlock(bytes, at, offset)
    if (this.#state === "mapText") return this.#takeMapText(bytes, at)
    if (this.#preceding.isEmpty) {
      this.#memberAt = offset
      this.#header = undefined
    }
    if (bytes[at] === 0 && Header.isZero(bytes, at)) {
      if (!this.#preceding.isEmpty) return structure("is an extended header without a member")
      if (this.#zeroSeen) this.#state = "end"
      this.#zeroSeen = true
      return undefined
    }
    if (this.#zeroSeen) return structure("is a header after a single block of zeros")
    const decoded = Header.decode(bytes, at, offset)
    if (Either.isLeft(decoded)) return decoded.left
    const header = decoded.right
    this.#header = header
    if (ExtendedHeaders.is(header)) return this.#beginCollect(header)
    switch (header.type) {
      case "g":
        if (header.size > Pax.MAX_HEADER_BYTES) return tooLong(header.size)
        this.#skip(header.size)
        return undefined
      case "V":
        this.#skip(Member.storedSize(header, this.#preceding.extended))
        this.#preceding.forget()
        return undefined
      default:
        return this.#beginMember({ bytes, at, offset }, header)
    }
  }

  #beginCollect(header: Header.TarHeader): Problem | undefined {
    const problem = this.#preceding.begin(header)
    this.#remaining = header.size
    this.#padding = paddingOf(header.size)
    if (header.size > 0) this.#state = "collect"
    return problem
  }

  #beginMember(block: Header.Block, header: Header.TarHeader): Problem | undefined {
    const stored = Member.storedSize(header, this.#preceding.extended)
    this.#remaining = stored
    this.#padding = paddingOf(stored)
    this.#realSize = stored
    this.#runs = undefined
    if (header.type === "S") {
      const map = Sparse.ofOldGnuHeader(block)
      if (Either.isLeft(map)) return map.left
      this.#realSize = map.right.size
      this.#runs = map.right.runs
      if (map.right.more) this.#state = "sparseBlocks"
      return map.right.more ? undefined : this.#emit(header)
    }
    const sparse = this.#preceding.pax?.sparse
    if (sparse === undefined || (header.type !== "0" && header.type !== "7")) return this.#emit(header)
    this.#realSize = sparse.size
    this.#runs = [...sparse.runs]
    if (sparse.version !== "1.0") return this.#emit(header)
    this.#mapText = Sparse.emptyMapText()
    this.#state = "mapText"
    return undefined
  }

  #takeSparseBlock(bytes: Uint8Array, at: number, offset: number): Problem | undefined {
    const more = Sparse.addOldGnuBlock({ bytes, at, offset }, this.#runs ?? [])
    if (Either.isLeft(more)) return more.left
    return more.right ? undefined : this.#emit(this.#header)
  }

  #takeMapText(bytes: Uint8Array, at: number): Problem | undefined {
    this.#remaining -= BLOCK
    if (this.#remaining < 0) return structure("has a sparse map longer than its data")
    const complete = Sparse.readMapText(this.#mapText, bytes, at)
    if (Either.isLeft(complete)) return complete.left
    if (!complete.right) return undefined
    this.#runs = this.#mapText.runs
    return this.#emit(this.#header)
  }

  /** Passes the complete member to the sink, and continues with its data. */
  #emit(header: Header.TarHeader | undefined): Problem | undefined {
    if (header === undefined) return structure("has no header")
    const entry = Member.entryOf(header, this.#preceding.extended, this.#realSize, this.#content())
    if (Either.isLeft(entry)) return entry.left
    if (this.#runs !== undefined) {
      const map = Sparse.make(this.#realSize, this.#runs, this.#remaining)
      if (Either.isLeft(map)) return map.left
    }
    this.#sink.entry(entry.right)
    if (entry.right._tag !== "File") this.#skip(0)
    else if (this.#remaining === 0) this.#endFile()
    else {
      this.#state = "data"
      this.#position = 0
      this.#run = 0
      this.#runLeft = this.#runs === undefined ? this.#remaining : 0
    }
    this.#preceding.forget()
    return undefined
  }

  /** The data begins after the block that was read last. */
  #content(): FileContent {
    const offset = this.#blockAt + BLOCK
    if (this.#runs === undefined) return { layer: ALONE, offset }
    return { layer: ALONE, offset, runs: Sparse.withoutEmpty(this.#runs) }
  }

  /** Returns how many bytes were used. */
  #takeData(chunk: Uint8Array, at: number, available: number): number {
    while (this.#runLeft === 0 && this.#runs !== undefined) {
      this.#position = this.#runs[this.#run] ?? 0
      this.#runLeft = this.#runs[this.#run + 1] ?? 0
      this.#run += 2
    }
    const taken = Math.min(available, this.#runLeft)
    this.#sink.data(chunk, at, taken, this.#position)
    this.#position += taken
    this.#runLeft -= taken
    this.#remaining -= taken
    if (this.#remaining === 0) this.#endFile()
    return taken
  }

  #endFile(): void {
    this.#runs = undefined
    this.#skip(0)
    this.#sink.fileEnd()
  }

  /** Skips unwanted data, and the padding after it. */
  #skip(size: number): void {
    if (size > 0) this.#padding = paddingOf(size)
    this.#remaining = size + this.#padding
    this.#padding = 0
    this.#state = this.#remaining === 0 ? "header" : "skip"
  }
}

const paddingOf = (size: number) => (BLOCK - (size % BLOCK)) % BLOCK
/** The layer number in content ids, since an archive does not know its number in an image. */
const ALONE = 0
const OK = Either.void
