/**
 * Who an image's service runs as, for systemd.exec(5).
 *
 * systemd looks `User=` up on the host. Were it a number that the host has an account for, that account's groups would
 * come along (initgroups(3)). So it is a name that no host has, `oci-u1000`, from a record that prepare makes; only
 * where the host does not ask nss-systemd(8) is it the number.
 */
import * as DirectiveSource from "./DirectiveSource.ts"
import type { ImageContext } from "./ImageContext.ts"
import type { Identity } from "../process/ImageUser.ts"
import { type Directive, directive } from "./UnitFile.ts"
import { literal } from "../systemd/UnitValue.ts"
import * as UserRecord from "./UserRecord.ts"

/** Without a user in the image there is nothing to say: the manager's own is root. */
export const directives = (
  { settings, origins, host }: Pick<ImageContext, "settings" | "origins" | "host">,
  user: string,
  identity: Identity
): readonly Directive[] => {
  if (user === "") return []
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

/** What is not as it should be, one sentence each. */
export const notes = ({ host }: Pick<ImageContext, "host">, identity: Identity): readonly string[] =>
  host.servesRecords || identity.uid === 0
    ? []
    : [
        `if the host has a user ${identity.uid}, its groups come along: /etc/nsswitch.conf does not name systemd`
      ]

/** Variables that systemd sets from the host's accounts and locale, and no image knows of. */
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
