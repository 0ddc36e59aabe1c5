/** The running systemd. */
import * as fs from "node:fs"
import * as Command from "@effect/platform/Command"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { render, type UnitFile } from "../domain/UnitFile.ts"
import * as MountTable from "./MountTable.ts"

/** Where systemd has its generators write. */
export const GENERATOR_DIRECTORY = "/run/systemd/generator"

export class ReloadFailed extends Schema.TaggedError<ReloadFailed>()("ReloadFailed", {
  exitCode: Schema.Number
}) {
  override get message(): string {
    return `systemctl daemon-reload failed with exit code ${this.exitCode}: the image's unit is not complete`
  }
}

/** All by name but the root, which is a path. */
export interface LeftMount {
  readonly service: string
  readonly mount: string
  readonly root: string
}

/** States in which a service's start is still to come. */
const LEFT = ["inactive", "failed", "activating"]

export class ServiceManager extends Context.Tag("oci-systemd/ServiceManager")<
  ServiceManager,
  {
    readonly reload: Effect.Effect<void, ReloadFailed>
    /**
     * Takes away a mount that a service left behind when it failed, and has it made again once the caller's own unit is
     * done. Who starts the service at that very moment (`Upholds=`) keeps systemd from taking it away itself. Not
     * where the service runs.
     */
    readonly renewMount: (mount: LeftMount) => Effect.Effect<void, MountTable.StillMounted>
  }
>() {
  static readonly layer = Layer.effect(
    ServiceManager,
    Effect.map(CommandExecutor, (executor) => ({
      renewMount: Effect.fn("ServiceManager.renewMount")(function* ({ service, mount, root }: LeftMount) {
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
        yield* run("umount", "--", root)
        if (MountTable.isMounted(root)) return yield* new MountTable.StillMounted({ path: root })
        yield* run("systemctl", "start", "--no-block", "--", mount)
      }),
      reload: Command.make("systemctl", "daemon-reload").pipe(
        Command.stdout("inherit"),
        Command.stderr("inherit"),
        Command.exitCode,
        Effect.orElseSucceed(() => 127),
        Effect.flatMap((exitCode) =>
          exitCode === 0 ? Effect.void : Effect.fail(new ReloadFailed({ exitCode }))
        ),
        Effect.provideService(CommandExecutor, executor),
        Effect.withSpan("ServiceManager.reload")
      )
    }))
  )
}

/** Does systemd have these very units? */
export const hasUnits = (files: readonly UnitFile[]): boolean =>
  files.every((file) => {
    try {
      return fs.readFileSync(`${GENERATOR_DIRECTORY}/${file.name}`, "utf8") === render(file)
    } catch {
      return false
    }
  })
