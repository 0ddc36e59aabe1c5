/** What the host knows of numeric ids: its own accounts, and records of ours that nss-systemd(8) serves. */
import * as fs from "node:fs"
import * as Command from "@effect/platform/Command"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Identity } from "../../domain/process/ImageUser.ts"
import * as UserRecord from "../../domain/unit/UserRecord.ts"

/** Records here are read by every systemd that is supported, and gone at the next boot. */
const DIRECTORY = "/run/userdb"

/** getent(1): the key was not found. */
const NOT_FOUND = 2

type Kind = "user" | "group"

export class IdUnknown extends Schema.TaggedError<IdUnknown>()("IdUnknown", {
  kind: Schema.Literal("user", "group"),
  id: Schema.Number
}) {
  override get message(): string {
    return `the ${this.kind} ${this.id} is unknown to this host, though ${DIRECTORY} has a record: systemd would refuse it. Install nss-systemd (Debian: libnss-systemd), with "systemd" in the passwd and group lines of /etc/nsswitch.conf`
  }
}

export class UserDatabase extends Context.Tag("oci-systemd/UserDatabase")<
  UserDatabase,
  {
    /** Records of all that the host itself does not know, whether some are there already or not. */
    readonly lacking: (
      identity: Identity,
      servesRecords: boolean
    ) => Effect.Effect<ReadonlyArray<UserRecord.Records>>
    /** With the records in place, every id has to be known. */
    readonly check: (identity: Identity) => Effect.Effect<void, IdUnknown>
  }
>() {
  static readonly layer = Layer.effect(
    UserDatabase,
    Effect.map(CommandExecutor, (executor) => {
      const knows = (kind: Kind, id: number) =>
        Command.make("getent", kind === "user" ? "passwd" : "group", String(id)).pipe(
          Command.exitCode,
          Effect.map((code) => code !== NOT_FOUND),
          // Without getent(1) nothing can be said, and systemd will say it.
          Effect.orElseSucceed(() => true),
          Effect.provideService(CommandExecutor, executor)
        )
      const isKnown = (kind: Kind, id: number, records: UserRecord.Records) =>
        Effect.suspend(() => (isOurs(records) ? Effect.succeed(false) : knows(kind, id)))
      return {
        lacking: Effect.fn("UserDatabase.lacking")(function* (
          { uid, gid, supplementaryGids }: Identity,
          servesRecords: boolean
        ) {
          const lacking: UserRecord.Records[] = []
          for (const id of new Set([gid, ...supplementaryGids])) {
            const records = UserRecord.group(id)
            if (!(yield* isKnown("group", id, records))) lacking.push(records)
          }
          const records = UserRecord.user(uid, gid)
          if (!(yield* isKnown("user", uid, records))) lacking.push(records)
          // The number is an account of the host's: the record is found by its name alone.
          else if (servesRecords && uid !== 0) lacking.push({ ...records, links: [] })
          return lacking
        }),
        check: Effect.fn("UserDatabase.check")(function* ({ uid, gid, supplementaryGids }: Identity) {
          for (const id of [gid, ...supplementaryGids]) {
            if (!(yield* knows("group", id))) yield* new IdUnknown({ kind: "group", id })
          }
          if (!(yield* knows("user", uid))) yield* new IdUnknown({ kind: "user", id: uid })
        })
      }
    })
  )
}

/** Is it known by a record of ours, which another service holds? */
const isOurs = ({ links }: UserRecord.Records): boolean =>
  links.some(({ name, target }) => {
    try {
      return fs.readlinkSync(`${DIRECTORY}/${name}`) === target
    } catch {
      return false
    }
  })
