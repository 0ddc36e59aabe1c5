/**
 * The image's `User`, and its numeric ids (image-spec config.md).
 *
 *     user = "" | account [ ":" group ]        account = name | uid        group = name | gid
 *
 * Numbers are used as they are. Names are looked up in the image, never on the host, and an unknown name is an error,
 * because running as another user or as root is no substitute. Groups that list the user as a member are added only
 * for a user given by name and without a group.
 */
import * as Either from "effect/Either"
import { TaggedError } from "../text/TaggedError.ts"
import { type Account, type Group, MAX_ID, parseId } from "./AccountFiles.ts"

/** A user as the image or the configuration names it. Numbers are ids, strings are names. */
export interface ImageUser {
  /** The text that was parsed. Facts of a root are stored with it. */
  readonly text: string
  /** `undefined` if the text has none, which means root. */
  readonly account: number | string | undefined
  readonly group: number | string | undefined
}

export interface Identity {
  readonly uid: number
  readonly gid: number
  /** The further groups in ascending order, without `gid`. */
  readonly supplementaryGids: readonly number[]
  readonly home: string
}

/** The user of the image cannot be found. */
export class UserError extends TaggedError("UserError")<{
  readonly user: string
  readonly reason: string
}> {
  override get message(): string {
    return `the image's user ${JSON.stringify(this.user)} ${this.reason}`
  }
}

/** Parses a user. It is an error if it has another form, or a number that no process can have. */
export const parse = (text: string): Either.Either<ImageUser, UserError> => {
  const fail = (reason: string) => Either.left(new UserError({ user: text, reason }))
  const [accountText = "", groupText = "", ...more] = text.split(":")
  if (text.includes("\0") || more.length > 0) return fail("is malformed: USER or USER:GROUP is expected")
  const account = parsePart(accountText)
  if (account === "too large") return fail(`names a uid above ${MAX_ID}`)
  const group = parsePart(groupText)
  if (group === "too large") return fail(`names a gid above ${MAX_ID}`)
  return Either.right({ text, account: account?.value, group: group?.value })
}

const parsePart = (text: string): { readonly value: number | string } | "too large" | undefined => {
  if (text === "") return undefined
  if (!/^[0-9]+$/.test(text)) return { value: text }
  const id = parseId(text)
  return id === undefined ? "too large" : { value: id }
}

/** Whether nothing names a user: systemd's own is root. */
export const isUnset = (user: ImageUser): boolean => user.text === ""

/**
 * Returns what is known without the root filesystem: for root, or if both ids are numbers. The home is then the usual
 * one.
 */
export const guess = ({ account, group, text }: ImageUser): Identity | undefined => {
  if (text === "" || text === "0" || text === "0:0")
    return { uid: 0, gid: 0, supplementaryGids: [], home: "/root" }
  return typeof account === "number" && typeof group === "number"
    ? { uid: account, gid: group, supplementaryGids: [], home: "/" }
    : undefined
}

/** Resolves the user with the image's own account files. */
export const resolve = (
  { account: wanted = 0, group: wantedGroup, text: user }: ImageUser,
  accounts: readonly Account[],
  groups: readonly Group[]
): Either.Either<Identity, UserError> =>
  Either.gen(function* () {
    const fail = (reason: string) => Either.left(new UserError({ user, reason }))
    const account = accounts.find((known) => (typeof wanted === "number" ? known.uid : known.name) === wanted)
    if (typeof wanted === "string" && account === undefined)
      return yield* fail("is not in the image's /etc/passwd")
    const gid =
      wantedGroup === undefined ? (account?.gid ?? 0) : yield* resolveGroup(user, wantedGroup, groups)
    const listed =
      typeof wanted === "number" || wantedGroup !== undefined
        ? []
        : groups.filter((group) => group.members.includes(wanted))
    const others = new Set(listed.map((group) => group.gid))
    if (others.size > MAX_GROUPS)
      return yield* fail(`is in ${others.size} groups of the image, more than the ${MAX_GROUPS} allowed here`)
    return {
      uid: typeof wanted === "number" ? wanted : (account?.uid ?? 0),
      gid,
      supplementaryGids: [...others].filter((id) => id !== gid).sort((a, b) => a - b),
      home: account?.home ?? "/"
    }
  })

/**
 * The most supplementary groups. Each is looked up on the host and may need a user record (`UserRecord`), and an
 * image's /etc/group may be large.
 */
const MAX_GROUPS = 1000

const resolveGroup = (
  user: string,
  wanted: number | string,
  groups: readonly Group[]
): Either.Either<number, UserError> => {
  if (typeof wanted === "number") return Either.right(wanted)
  const group = groups.find((known) => known.name === wanted)
  return group === undefined
    ? Either.left(
        new UserError({
          user,
          reason: `has the group ${JSON.stringify(wanted)}, which is not in the image's /etc/group`
        })
      )
    : Either.right(group.gid)
}
