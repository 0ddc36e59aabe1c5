/** What an extraction without privileges could not do: a count and the first example of each kind. */
import * as JsonDecoder from "../../domain/document/JsonDecoder.ts"
import { type ByteString, display } from "../../domain/text/ByteString.ts"
import * as Privileges from "./Privileges.ts"

/** The kind of what was refused. */
export type Lack = "owner" | "device" | "xattr"

/** How often something of one kind was refused because the caller lacked privileges. */
export interface MissingPrivilege {
  readonly lack: Lack
  readonly count: number
  /** The first path, printable, and the system's error there (`EPERM`). */
  readonly path: string
  readonly code: string
}

/** Decodes it from JSON. */
export const decoder: JsonDecoder.JsonDecoder<MissingPrivilege> = JsonDecoder.struct({
  lack: JsonDecoder.literal("owner", "device", "xattr"),
  count: JsonDecoder.integer(0),
  path: JsonDecoder.string,
  code: JsonDecoder.string
})

export interface MissingPrivileges {
  /**
   * Runs the action. If it is refused for lack of privileges, counts that and returns false. For a privileged
   * process, errors are thrown, except for an attribute that the file system does not support.
   */
  readonly attempt: (lack: Lack, path: ByteString, action: () => void) => boolean
  readonly all: () => ReadonlyArray<MissingPrivilege>
}

/**
 * Makes the counters. Devices, foreign owners and most attributes need root, and so does a complete root filesystem.
 */
export const make = (privileged: boolean = Privileges.isRoot()): MissingPrivileges => {
  const found = new Map<Lack, MissingPrivilege>()
  return {
    attempt: (lack, path, action) => {
      try {
        action()
        return true
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException
        const refusals = !privileged ? REFUSALS : lack === "xattr" ? UNSUPPORTED : NONE
        if (code === undefined || !refusals.has(code)) throw cause
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

/** Errors of a file system that does not support an attribute. */
const UNSUPPORTED: ReadonlySet<string> = new Set(["ENOTSUP", "EOPNOTSUPP"])
const NONE: ReadonlySet<string> = new Set()
/**
 * Errors that come from a lack of privileges. EINVAL: an id outside the user namespace. EACCES: an attribute of a
 * file whose mode forbids it.
 */
const REFUSALS: ReadonlySet<string> = new Set(["EPERM", "EACCES", "EINVAL", "ENOTSUP", "EOPNOTSUPP"])

/** Adds up the counts of each kind. */
export const combine = (shortfalls: Iterable<MissingPrivilege>): ReadonlyArray<MissingPrivilege> => {
  const byLack = new Map<Lack, MissingPrivilege>()
  for (const shortfall of shortfalls) {
    const before = byLack.get(shortfall.lack)
    byLack.set(
      shortfall.lack,
      before === undefined ? shortfall : { ...before, count: before.count + shortfall.count }
    )
  }
  return [...byLack.values()]
}

/** Prints in one line for people. */
export const render = ({ lack, count, path, code }: MissingPrivilege): string =>
  `${UNSUPPORTED.has(code) ? "on this file system" : "without root"} ${WHAT[lack]}: ${count}, the first of them ${path} (${code})`

const WHAT: Readonly<Record<Lack, string>> = {
  owner: "owners that could not be set",
  device: "device nodes that were left out",
  xattr: "extended attributes that could not be set"
}
