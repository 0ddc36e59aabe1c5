/**
 * Collects the extended headers before a member of a tar archive (pax(1), GNU tar manual "Basic Tar Format") while
 * their data is read. It holds at most one header of each kind, up to the allowed size.
 *
 *     "x" PAX records     "L" a long name, NUL at its end     "K" a long link name
 */
import * as Either from "effect/Either"
import { type ByteString, fromBytes } from "../text/ByteString.ts"
import * as Pax from "./PaxRecords.ts"
import type { TarHeader } from "./TarHeader.ts"
import type { Extended } from "./TarMember.ts"
import { structure, type TarStructureInvalid } from "./TarStructureInvalid.ts"

type Problem = Pax.PaxRecordsInvalid | TarStructureInvalid

export class ExtendedHeaders {
  #pax: Pax.PaxRecords | undefined
  #longName: ByteString | undefined
  #longLink: ByteString | undefined
  #data = NOTHING
  #filled = 0
  #type = ""

  static is({ type }: TarHeader): boolean {
    return type === "x" || type === "L" || type === "K"
  }

  /** The headers of the next member; empty if none preceded it. */
  get extended(): Extended {
    return { pax: this.#pax, longName: this.#longName, longLink: this.#longLink }
  }

  get pax(): Pax.PaxRecords | undefined {
    return this.#pax
  }

  get isEmpty(): boolean {
    return this.#pax === undefined && this.#longName === undefined && this.#longLink === undefined
  }

  /** Begins a header. Its `header.size` bytes of data must then be given to `take`. */
  begin(header: TarHeader): Problem | undefined {
    if (header.size > Pax.MAX_HEADER_BYTES) return tooLong(header.size)
    this.#data = new Uint8Array(header.size)
    this.#filled = 0
    this.#type = header.type
    return header.size === 0 ? this.#end() : undefined
  }

  take(bytes: Uint8Array): Problem | undefined {
    this.#data.set(bytes, this.#filled)
    this.#filled += bytes.length
    return this.#filled === this.#data.length ? this.#end() : undefined
  }

  /** Forgets the headers once their member has been read: they do not apply to the next one. */
  forget(): void {
    this.#pax = undefined
    this.#longName = undefined
    this.#longLink = undefined
  }

  #end(): Problem | undefined {
    const data = this.#data
    this.#data = NOTHING
    if (this.#type === "x") {
      const records = Pax.decode(data)
      if (Either.isLeft(records)) return records.left
      this.#pax = records.right
      return undefined
    }
    const end = data.indexOf(0)
    const name = fromBytes(end < 0 ? data : data.subarray(0, end))
    if (name === "") return structure("has an empty GNU long name")
    if (this.#type === "L") this.#longName = name
    else this.#longLink = name
    return undefined
  }
}

export const tooLong = (size: number): TarStructureInvalid =>
  structure(`has an extended header of ${size} bytes, over ${Pax.MAX_HEADER_BYTES}`)

const NOTHING = new Uint8Array(0)
