/**
 * The image's `User`, and who that is in numbers (image-spec config.md).
 *
 *     user = "" | account [ ":" group ]        account = name | uid        group = name | gid
 *
 * A number is taken as it is. A name is looked up in the image, never on the host, and an unknown one is an error:
 * running as somebody else, or as root, is no substitute. Groups that list the user are added only for a named user
 * without a group of its own choice.
 */
import * as Either from "effect/Either"
import { type Account, type Group, MAX_ID, parseId } from "./AccountFiles.ts"
import { TaggedError } from "../text/TaggedError.ts"

export interface Identity {
  readonly uid: number
  readonly gid: number
  /** Ascending, without `gid`. */
  readonly supplementaryGids: readonly number[]
  readonly home: string
}

export class UserError extends TaggedError("UserError")<{
  readonly user: string
  readonly reason: string
}> {
  override get message(): string {
    return `the image's user ${JSON.stringify(this.user)} ${this.reason}`
  }
}

/** What can be said without the root filesystem: root, or both numbers. The home is then the usual one. */
export const guess = (user: string): Identity | undefined => {
  if (user === "" || user === "0" || user === "0:0")
    return { uid: 0, gid: 0, supplementaryGids: [], home: "/root" }
  const [uid, gid, ...more] = user.split(":").map(parseId)
  return uid === undefined || gid === undefined || more.length > 0
    ? undefined
    : { uid, gid, supplementaryGids: [], home: "/" }
}

/** Who it is, given the image's own accounts. */
export const resolve = (
  user: string,
  accounts: readonly Account[],
  groups: readonly Group[]
): Either.Either<Identity, UserError> =>
  Either.gen(function* () {
    const fail = (reason: string) => Either.left(new UserError({ user, reason }))
    if (user.includes("\0") || user.split(":").length > 2)
      return yield* fail("is not of the form name[:group]")
    const [accountText = "", groupText] = user.split(":")
    const uidText = accountText === "" ? "0" : accountText
    const isNumber = /^[0-9]+$/.test(uidText)
    const uid = isNumber ? parseId(uidText) : undefined
    if (isNumber && uid === undefined) return yield* fail(`names a uid above ${MAX_ID}`)
    const account = isNumber
      ? accounts.find((known) => known.uid === uid)
      : accounts.find((known) => known.name === accountText)
    if (!isNumber && account === undefined) return yield* fail("is not in the image's /etc/passwd")
    const gid =
      groupText === undefined || groupText === ""
        ? (account?.gid ?? 0)
        : yield* resolveGroup(user, groupText, groups)
    const listed = isNumber || groupText ? [] : groups.filter((group) => group.members.includes(accountText))
    const others = new Set(listed.map((group) => group.gid))
    if (others.size > MAX_GROUPS)
      return yield* fail(`is in ${others.size} groups of the image, more than the ${MAX_GROUPS} allowed here`)
    return {
      uid: uid ?? account?.uid ?? 0,
      gid,
      supplementaryGids: [...others].filter((id) => id !== gid).sort((a, b) => a - b),
      home: account?.home ?? "/"
    }
  })

/** Each is looked up on the host, and may have a record in its memory (`UserRecord`); the file that names them may be large. */
const MAX_GROUPS = 1000

const resolveGroup = (
  user: string,
  text: string,
  groups: readonly Group[]
): Either.Either<number, UserError> => {
  if (/^[0-9]+$/.test(text)) {
    const gid = parseId(text)
    return gid === undefined
      ? Either.left(new UserError({ user, reason: `names a gid above ${MAX_ID}` }))
      : Either.right(gid)
  }
  const group = groups.find((known) => known.name === text)
  return group === undefined
    ? Either.left(
        new UserError({
          user,
          reason: `has the group ${JSON.stringify(text)}, which is not in the image's /etc/group`
        })
      )
    : Either.right(group.gid)
}
