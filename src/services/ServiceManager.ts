/** The running systemd. */
import * as fs from "node:fs"
import * as Command from "@effect/platform/Command"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { render, type UnitFile } from "../domain/UnitFile.ts"

/** Where systemd has its generators write. */
export const GENERATOR_DIRECTORY = "/run/systemd/generator"

export class ReloadFailed extends Schema.TaggedError<ReloadFailed>()("ReloadFailed", {
  exitCode: Schema.Number
}) {
  override get message(): string {
    return `systemctl daemon-reload failed with exit code ${this.exitCode}: the image's unit is not complete`
  }
}

export class ServiceManager extends Context.Tag("oci-systemd/ServiceManager")<
  ServiceManager,
  { readonly reload: Effect.Effect<void, ReloadFailed> }
>() {
  static readonly layer = Layer.effect(
    ServiceManager,
    Effect.map(CommandExecutor, (executor) => ({
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
