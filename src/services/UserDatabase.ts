/** Makes numeric ids known to the host, by records that nss-systemd(8) serves. */
import * as fs from "node:fs"
import * as Command from "@effect/platform/Command"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Identity } from "../domain/ImageUser.ts"
import * as UserRecord from "../domain/UserRecord.ts"
import * as AtomicReplace from "./AtomicReplace.ts"

/** Records here are read by every systemd that is supported, and gone at the next boot. */
const DIRECTORY = "/run/userdb"

/** getent(1): the key was not found. */
const NOT_FOUND = 2

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
    /**
     * Afterwards the host knows every id of the identity, and where it serves records the user's name of our own, or
     * the error says what to do.
     */
    readonly ensure: (identity: Identity, servesRecords: boolean) => Effect.Effect<void, IdUnknown>
  }
>() {
  static readonly layer = Layer.effect(
    UserDatabase,
    Effect.map(CommandExecutor, (executor) => {
      const knows = (kind: "user" | "group", key: number | string) =>
        Command.make("getent", kind === "user" ? "passwd" : "group", String(key)).pipe(
          Command.exitCode,
          Effect.map((code) => code !== NOT_FOUND),
          // Without getent(1) nothing can be said, and systemd will say it.
          Effect.orElseSucceed(() => true),
          Effect.provideService(CommandExecutor, executor)
        )
      const ensureOne = (kind: "user" | "group", id: number, records: UserRecord.Records) =>
        Effect.gen(function* () {
          if (yield* knows(kind, id)) return
          yield* Effect.sync(() => write(records))
          if (!(yield* knows(kind, id))) yield* new IdUnknown({ kind, id })
        })
      return {
        ensure: Effect.fn("UserDatabase.ensure")(function* (
          { uid, gid, supplementaryGids }: Identity,
          servesRecords: boolean
        ) {
          for (const id of [gid, ...supplementaryGids]) yield* ensureOne("group", id, UserRecord.group(id))
          yield* ensureOne("user", uid, UserRecord.user(uid, gid))
          if (!servesRecords || uid === 0) return
          // The number is an account of the host's: the record is found by its name alone.
          const name = UserRecord.userName(uid)
          if (yield* knows("user", name)) return
          yield* Effect.sync(() => write({ ...UserRecord.user(uid, gid), links: [] }))
          if (!(yield* knows("user", name))) yield* new IdUnknown({ kind: "user", id: uid })
        })
      }
    })
  )
}

const write = (records: UserRecord.Records): void => {
  for (const { name, content } of records.files) {
    AtomicReplace.replace(`${DIRECTORY}/${name}`, (temporary) =>
      fs.writeFileSync(temporary, content, { mode: 0o644, flag: "wx" })
    )
  }
  for (const { name, target } of records.links) {
    AtomicReplace.replace(`${DIRECTORY}/${name}`, (temporary) => fs.symlinkSync(target, temporary))
  }
}
