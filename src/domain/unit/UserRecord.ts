/**
 * User and group records that make an image's numeric ids known to the host (https://systemd.io/USER_RECORD/,
 * nss-systemd(8), drop-in records in `/run/userdb`).
 *
 * systemd looks `User=` up on the host before it enters the root, and refuses a number that no database has.
 */

export interface RecordFile {
  readonly name: string
  readonly content: string
}

export interface RecordLink {
  readonly name: string
  readonly target: string
}

export interface Records {
  readonly files: readonly RecordFile[]
  readonly links: readonly RecordLink[]
}

/** Returns a name that no account of the host has: `oci-u1000`. */
export const userName = (uid: number): string => `oci-u${uid}`
export const groupName = (gid: number): string => `oci-g${gid}`

export const user = (uid: number, gid: number): Records =>
  record("user", userName(uid), uid, {
    userName: userName(uid),
    uid,
    gid,
    realName: "User of OCI images",
    homeDirectory: "/",
    shell: "/usr/sbin/nologin",
    locked: true
  })

export const group = (gid: number): Records =>
  record("group", groupName(gid), gid, { groupName: groupName(gid), gid, description: "Group of OCI images" })

/** Whether the host looks accounts up in these records (nsswitch.conf(5)). */
export const areServed = (nsswitch: string): boolean =>
  ["passwd", "group"].every((database) =>
    new RegExp(`^\\s*${database}\\s*:(?:[^#\\n]*\\s)?systemd(?:\\s|$)`, "m").test(nsswitch)
  )

const record = (
  kind: "user" | "group",
  name: string,
  id: number,
  fields: Record<string, unknown>
): Records => ({
  files: [
    { name: `${name}.${kind}`, content: `${JSON.stringify({ ...fields, disposition: "container" })}\n` }
  ],
  links: [{ name: `${id}.${kind}`, target: `${name}.${kind}` }]
})
