/**
 * The user of an image's service, for systemd.exec(5).
 *
 * systemd looks `User=` up on the host. For a number with an account on the host, that account's groups would be
 * added (initgroups(3)). Therefore the user is a name that no host has, `oci-u1000`, from a record that prepare
 * makes. Only if the host does not use nss-systemd(8) is it the number.
 */

import * as ImageUser from "../process/ImageUser.ts"
import { literal } from "../systemd/UnitValue.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import type { ImageContext } from "./ImageContext.ts"
import { type Directive, directive } from "./UnitFile.ts"
import * as UserRecord from "./UserRecord.ts"

/** Returns nothing for an image without a user, since the manager's own user is root. */
export const directives = (
  { settings, origins, host }: Pick<ImageContext, "settings" | "origins" | "host">,
  user: ImageUser.ImageUser,
  identity: ImageUser.Identity
): readonly Directive[] => {
  if (ImageUser.isUnset(user)) return []
  const source =
    settings.user === undefined ? DirectiveSource.image("User") : DirectiveSource.setting(origins, "user")
  const byName = host.servesRecords && identity.uid !== 0
  return [
    directive("User", literal(byName ? UserRecord.userName(identity.uid) : `${identity.uid}`), source),
    directive("Group", literal(`${identity.gid}`), source),
    ...(identity.supplementaryGids.length === 0
      ? []
      : [directive("SupplementaryGroups", literal(identity.supplementaryGids.join(" ")), source)])
  ]
}

/** Returns problems, one sentence each. */
export const notes = (
  { host }: Pick<ImageContext, "host">,
  identity: ImageUser.Identity
): readonly string[] =>
  identity.uid === 0
    ? []
    : [
        ...(host.servesRecords
          ? []
          : [
              `if the host has a user ${identity.uid}, the service gets that user's groups: /etc/nsswitch.conf does not name systemd`
            ]),
        ...shared(host.logins?.get(identity.uid), identity.uid)
      ]

/**
 * User numbers are the host's, in a user namespace too: a person who logs in with the same number can read what the
 * service's processes can read.
 */
const shared = (name: string | undefined, uid: number): readonly string[] =>
  name === undefined
    ? []
    : [
        `it runs as user ${uid}, which is ${name} on this host: ${name} can read and change its files, volumes and memory; user = gives it another number`
      ]

/** Variables that systemd sets from the host's accounts and locale, which images do not expect. */
export const FOREIGN_VARIABLES = [
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "LANGUAGE",
  ..."CTYPE NUMERIC TIME COLLATE MONETARY MESSAGES PAPER NAME ADDRESS TELEPHONE MEASUREMENT IDENTIFICATION"
    .split(" ")
    .map((category) => `LC_${category}`)
]
