/** Runs `oci-prepare`, which mounts the root of a service that is about to start. */

import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ForegroundCommand from "../host/ForegroundCommand.ts"

export class RootNotMounted extends Data.TaggedError("RootNotMounted")<{
  readonly program: string
  readonly exitCode: number
}> {
  override get message(): string {
    return `the root is not mounted: ${this.program} ended with exit code ${this.exitCode}`
  }
}

export class RootStarter extends Context.Tag("oci-systemd/RootStarter")<
  RootStarter,
  (argv: readonly string[]) => Effect.Effect<void, RootNotMounted>
>() {
  static readonly layer = Layer.effect(
    RootStarter,
    Effect.map(
      CommandExecutor,
      (executor) =>
        ([program = "", ...rest]: readonly string[]): Effect.Effect<void, RootNotMounted> =>
          ForegroundCommand.status(program, ...rest).pipe(
            Effect.flatMap((exitCode) =>
              exitCode === 0 ? Effect.void : new RootNotMounted({ program, exitCode })
            ),
            Effect.provideService(CommandExecutor, executor)
          )
    )
  )
}
