/** What enable and disable share. */
import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { EnablingFailed } from "../../program/Enable.ts"
import * as HostProgram from "../../services/host/HostProgram.ts"
import * as CommonOptions from "./CommonOptions.ts"

export const images = Args.text({ name: "IMAGE" }).pipe(
  Args.withDescription(
    "LAYOUT:REF (myorg.com/myapp:stable), LAYOUT for all its references, a unit, or a pattern"
  ),
  Args.atLeast(1)
)

export const now = (what: string) => Options.boolean("now").pipe(Options.withDescription(what))

/** A configuration file that stands alone has no drop-ins. */
export const requireDropIns = (config: Option.Option<string>) =>
  Effect.flatMap(CommonOptions.fileOf(config), (file) =>
    file === undefined
      ? Effect.void
      : new EnablingFailed({
          image: file,
          reason: "stands alone: nothing beside it counts, and it is not ours to edit",
          hint: "write wantedby = multi-user.target below its [image …]"
        })
  )

/** Has systemd take over what was changed, where it runs. */
export const reload = Effect.suspend(() =>
  HostProgram.hasSystemd() ? HostProgram.run("systemctl", "daemon-reload") : Effect.void
)
