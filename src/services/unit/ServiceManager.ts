/** The running systemd. */
import * as fs from "node:fs"
import { dirname } from "node:path"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { render, type UnitFile } from "../../domain/unit/UnitFile.ts"
import * as Claim from "../files/FileLock.ts"
import * as Durable from "../files/Durable.ts"
import * as HostCommand from "../host/ForegroundCommand.ts"
import { NativeCalls } from "../files/NativeCalls.ts"

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

export class ServiceManager extends Context.Tag("oci-systemd/ServiceManager")<
  ServiceManager,
  {
    /** Where it does not have these very units. Of several at a time, one reloads for all. */
    readonly reloadUnlessKnown: (files: readonly UnitFile[]) => Effect.Effect<void, ReloadFailed>
  }
>() {
  static readonly layer = Layer.effect(
    ServiceManager,
    Effect.map(Effect.all([CommandExecutor, NativeCalls]), ([executor, calls]) => ({
      reloadUnlessKnown: (files: readonly UnitFile[]) =>
        Effect.gen(function* () {
          if (hasUnits(files)) return
          yield* Effect.sync(() => Durable.makeDirectory(dirname(RELOAD_LOCK), 0o755))
          // Who has just reloaded may have found these facts as well.
          yield* Claim.lockFile(calls, RELOAD_LOCK).pipe(Effect.orDie)
          if (hasUnits(files)) return
          const exitCode = yield* HostCommand.status("systemctl", "daemon-reload")
          if (exitCode !== 0) yield* new ReloadFailed({ exitCode })
        }).pipe(
          Effect.scoped,
          Effect.provideService(CommandExecutor, executor),
          Effect.withSpan("ServiceManager.reload")
        )
    }))
  )
}

/** Does systemd have these very units? Names with a slash are drop-ins, which follow from all images and not from one. */
export const hasUnits = (files: readonly UnitFile[]): boolean =>
  files.every((file) => {
    if (file.name.includes("/")) return true
    try {
      return fs.readFileSync(`${GENERATOR_DIRECTORY}/${file.name}`, "utf8") === render(file)
    } catch {
      return false
    }
  })
