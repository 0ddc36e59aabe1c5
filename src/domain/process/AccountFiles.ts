/**
 * The image's own `/etc/passwd` and `/etc/group` (passwd(5), group(5)).
 *
 *     passwd line = name ":" password ":" uid ":" gid ":" comment ":" home ":" shell
 *     group line  = name ":" password ":" gid ":" [ member *( "," member ) ]
 *
 * Malformed lines are ignored: images hold all sorts of lines, and a malformed one must not hide the others. Of two
 * lines with one name the first counts, as for getpwnam(3).
 */

export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

export interface Group {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

export const parsePasswd = (text: string): readonly Account[] =>
  lines(text).flatMap((line) => {
    const [name, , uidText, gidText, , home, ...rest] = line.split(":")
    const uid = parseId(uidText)
    const gid = parseId(gidText)
    return name === undefined || name === "" || uid === undefined || gid === undefined || rest.length > 1
      ? []
      : [{ name, uid, gid, home: home === undefined || home === "" ? "/" : home }]
  })

export const parseGroup = (text: string): readonly Group[] =>
  lines(text).flatMap((line) => {
    const [name, , gidText, members = "", ...rest] = line.split(":")
    const gid = parseId(gidText)
    return name === undefined || name === "" || gid === undefined || rest.length > 0
      ? []
      : [{ name, gid, members: members.split(",").filter((member) => member !== "") }]
  })

/** Parses a decimal uid or gid; `undefined` for anything else and from 2³²−1 on, which means "none" to the kernel. */
export const parseId = (text: string | undefined): number | undefined => {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined
  const id = Number(text)
  return id <= MAX_ID ? id : undefined
}

const lines = (text: string): readonly string[] =>
  text.split("\n").filter((line) => line.length <= MAX_LINE && !line.startsWith("#"))

export const MAX_ID = 0xffff_fffe
/** The longest line that is read. A group with some thousand members fits. */
const MAX_LINE = 64 * 1024
