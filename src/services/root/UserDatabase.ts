/** The numeric ids that the host knows: its own accounts, and our records, which nss-systemd(8) serves. */

import * as fs from "node:fs"
import * as Command from "@effect/platform/Command"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Identity } from "../../domain/process/ImageUser.ts"
import * as UserRecord from "../../domain/unit/UserRecord.ts"

/** Every supported systemd reads records here. They are gone at the next boot. */
const DIRECTORY = "/run/userdb"

/** The exit status of getent(1) if the key was not found. */
const NOT_FOUND = 2

type Kind = "user" | "group"

export class IdUnknown extends Data.TaggedError("IdUnknown")<{
  readonly kind: "user" | "group"
  readonly id: number
}> {
  override get message(): string {
    return `the ${this.kind} ${this.id} is unknown to this host, though ${DIRECTORY} has a record: systemd would refuse it. Install nss-systemd (Debian: libnss-systemd), with "systemd" in the passwd and group lines of /etc/nsswitch.conf`
  }
}

export class UserDatabase extends Context.Tag("oci-systemd/UserDatabase")<
  UserDatabase,
  {
    /** Returns records of all ids that the host itself does not know, whether they exist already or not. */
    readonly lacking: (
      identity: Identity,
      servesRecords: boolean
    ) => Effect.Effect<ReadonlyArray<UserRecord.Records>>
    /** Checks that every id is known, after the records were written. */
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
          // Without getent(1) this is unknown, and systemd will report it.
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
          // The host has an account with this number, so the record can only be found by its name.
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

/** Whether the id is known by a record of ours, which another service uses. */
const isOurs = ({ links }: UserRecord.Records): boolean =>
  links.some(({ name, target }) => {
    try {
      return fs.readlinkSync(`${DIRECTORY}/${name}`) === target
    } catch {
      return false
    }
  })
