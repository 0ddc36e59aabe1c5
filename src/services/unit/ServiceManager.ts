/** Talks to the running systemd. */

import * as fs from "node:fs"
import { dirname } from "node:path"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { PrintedUnit } from "../../domain/unit/UnitFile.ts"
import { PUBLIC } from "../files/DirectoryMode.ts"
import * as Durable from "../files/Durable.ts"
import * as FileLock from "../files/FileLock.ts"
import { NativeCalls } from "../files/NativeCalls.ts"
import * as ForegroundCommand from "../host/ForegroundCommand.ts"

/** The directory that systemd's generators write to. */
export const GENERATOR_DIRECTORY = "/run/systemd/generator"
const RELOAD_LOCK = "/run/oci/reload.lock"

export class ReloadFailed extends Data.TaggedError("ReloadFailed")<{
  readonly exitCode: number
}> {
  override get message(): string {
    return `systemctl daemon-reload failed with exit code ${this.exitCode}: the image's unit is not complete`
  }
}

export class ServiceManager extends Context.Tag("oci-systemd/ServiceManager")<
  ServiceManager,
  {
    /**
     * Reloads systemd unless it has exactly these units. If several callers need it at a time, one reloads for all.
     */
    readonly reloadUnlessKnown: (files: readonly PrintedUnit[]) => Effect.Effect<void, ReloadFailed>
  }
>() {
  static readonly layer = Layer.effect(
    ServiceManager,
    Effect.map(Effect.all([CommandExecutor, NativeCalls]), ([executor, calls]) => ({
      reloadUnlessKnown: (files: readonly PrintedUnit[]) =>
        Effect.gen(function* () {
          if (hasUnits(files)) return
          yield* Effect.sync(() => Durable.makeDirectory(dirname(RELOAD_LOCK), PUBLIC))
          // The process that has just reloaded may have found these facts as well.
          yield* FileLock.lockFile(calls, RELOAD_LOCK).pipe(Effect.orDie)
          if (hasUnits(files)) return
          const exitCode = yield* ForegroundCommand.status("systemctl", "daemon-reload")
          if (exitCode !== 0) yield* new ReloadFailed({ exitCode })
        }).pipe(
          Effect.scoped,
          Effect.provideService(CommandExecutor, executor),
          Effect.withSpan("ServiceManager.reload")
        )
    }))
  )
}

/**
 * Whether systemd has exactly these units. Names with a slash are drop-ins, which depend on all images and are not
 * compared.
 */
export const hasUnits = (files: readonly PrintedUnit[]): boolean =>
  files.every((file) => {
    if (file.name.includes("/")) return true
    try {
      return fs.readFileSync(`${GENERATOR_DIRECTORY}/${file.name}`, "utf8") === file.text
    } catch {
      return false
    }
  })
