/** The running systemd. */
import * as fs from "node:fs"
import { dirname } from "node:path"
import * as Command from "@effect/platform/Command"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { render, type UnitFile } from "../domain/UnitFile.ts"
import * as Claim from "./Claim.ts"
import * as Durable from "./Durable.ts"
import * as MountTable from "./MountTable.ts"
import { NativeCalls } from "./NativeCalls.ts"

/** Where systemd has its generators write. */
export const GENERATOR_DIRECTORY = "/run/systemd/generator"
const RELOAD_LOCK = "/run/oci/reload.lock"

export class ReloadFailed extends Schema.TaggedError<ReloadFailed>()("ReloadFailed", {
  exitCode: Schema.Number
}) {
  override get message(): string {
    return `systemctl daemon-reload failed with exit code ${this.exitCode}: the image's unit is not complete`
  }
}

/** States in which a service's start is still to come. */
const LEFT = ["inactive", "failed", "activating"]

export class ServiceManager extends Context.Tag("oci-systemd/ServiceManager")<
  ServiceManager,
  {
    /** Where it does not have these very units. Of several at a time, one reloads for all. */
    readonly reloadUnlessKnown: (files: readonly UnitFile[]) => Effect.Effect<void, ReloadFailed>
    /**
     * Takes away the root that is mounted still. Who starts the service in the moment that it ends (`Upholds=`) keeps
     * systemd from stopping the unit that would do so. Not where the service runs; `lazily`, whoever else stands in it.
     */
    readonly unmount: (left: {
      readonly service: string
      readonly root: string
      readonly lazily: boolean
    }) => Effect.Effect<void, MountTable.StillMounted>
  }
>() {
  static readonly layer = Layer.effect(
    ServiceManager,
    Effect.map(Effect.all([CommandExecutor, NativeCalls]), ([executor, calls]) => ({
      unmount: Effect.fn("ServiceManager.unmount")(function* ({ lazily, root, service }) {
        if (!MountTable.isMounted(root)) return
        const run = (...argv: readonly [string, ...string[]]) =>
          Command.make(...argv).pipe(
            Command.string,
            Effect.orElseSucceed(() => ""),
            Effect.provideService(CommandExecutor, executor)
          )
        const state = (yield* run(
          "systemctl",
          "show",
          "--property=ActiveState",
          "--value",
          "--",
          service
        )).trim()
        if (!LEFT.includes(state)) return yield* new MountTable.StillMounted({ path: root })
        yield* run("umount", ...(lazily ? ["--lazy"] : []), "--", root)
        if (MountTable.isMounted(root)) return yield* new MountTable.StillMounted({ path: root })
      }),
      reloadUnlessKnown: (files: readonly UnitFile[]) =>
        Effect.gen(function* () {
          if (hasUnits(files)) return
          yield* Effect.sync(() => Durable.makeDirectory(dirname(RELOAD_LOCK), 0o755))
          // Who has just reloaded may have found these facts as well.
          yield* Claim.lockFile(calls, RELOAD_LOCK).pipe(Effect.orDie)
          if (hasUnits(files)) return
          const exitCode = yield* Command.make("systemctl", "daemon-reload").pipe(
            Command.stdout("inherit"),
            Command.stderr("inherit"),
            Command.exitCode,
            Effect.orElseSucceed(() => 127)
          )
          if (exitCode !== 0) yield* new ReloadFailed({ exitCode })
        }).pipe(
          Effect.scoped,
          Effect.provideService(CommandExecutor, executor),
          Effect.withSpan("ServiceManager.reload")
        )
    }))
  )
}

const hasUnits = (files: readonly UnitFile[]): boolean =>
  files.every((file) => {
    try {
      return fs.readFileSync(`${GENERATOR_DIRECTORY}/${file.name}`, "utf8") === render(file)
    } catch {
      return false
    }
  })
