/** What an extraction without privileges could not do: counted, with the first example of each kind. */
import * as Schema from "effect/Schema"
import { type ByteString, display } from "../domain/text/ByteString.ts"
import * as Privileges from "./files/Privileges.ts"

const Lack = Schema.Literal("owner", "device", "xattr")
export type Lack = typeof Lack.Type

export const Shortfall = Schema.Struct({
  lack: Lack,
  count: Schema.NonNegativeInt,
  /** The first path, as people read it, and what the system said there (`EPERM`). */
  path: Schema.String,
  code: Schema.String
})
export type Shortfall = typeof Shortfall.Type

export interface Shortfalls {
  /**
   * Does it; where that is refused for want of privilege, counts it and returns false. A privileged process is
   * refused nothing: there it throws.
   */
  readonly attempt: (lack: Lack, path: ByteString, action: () => void) => boolean
  readonly all: () => ReadonlyArray<Shortfall>
}

/** Devices, foreign owners and most attributes take root; so does every promise of a faithful root filesystem. */
export const make = (privileged: boolean = Privileges.isRoot()): Shortfalls => {
  const found = new Map<Lack, Shortfall>()
  return {
    attempt: (lack, path, action) => {
      if (privileged) {
        action()
        return true
      }
      try {
        action()
        return true
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException
        if (code === undefined || !REFUSALS.has(code)) throw cause
        const before = found.get(lack)
        found.set(
          lack,
          before === undefined
            ? { lack, count: 1, path: display(path), code }
            : { ...before, count: before.count + 1 }
        )
        return false
      }
    },
    all: () => [...found.values()]
  }
}

/** EINVAL: an id outside the user namespace. EACCES: an attribute of a file that its mode closes. */
const REFUSALS: ReadonlySet<string> = new Set(["EPERM", "EACCES", "EINVAL", "ENOTSUP", "EOPNOTSUPP"])

/** One of each kind, the counts added up. */
export const combine = (shortfalls: Iterable<Shortfall>): ReadonlyArray<Shortfall> => {
  const byLack = new Map<Lack, Shortfall>()
  for (const shortfall of shortfalls) {
    const before = byLack.get(shortfall.lack)
    byLack.set(
      shortfall.lack,
      before === undefined ? shortfall : { ...before, count: before.count + shortfall.count }
    )
  }
  return [...byLack.values()]
}

/** For people, in one line. */
export const render = ({ lack, count, path, code }: Shortfall): string =>
  `without root ${WHAT[lack]}: ${count}, the first of them ${path} (${code})`

const WHAT: Readonly<Record<Lack, string>> = {
  owner: "owners that could not be set",
  device: "device nodes that were left out",
  xattr: "extended attributes that could not be set"
}
