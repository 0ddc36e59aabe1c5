/** Options and checks that enable and disable share. */
import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { EnablingFailed } from "../../program/Enable.ts"
import * as HostProgram from "../../services/host/HostProgram.ts"
import { Settings } from "../../services/Settings.ts"

export const images = Args.text({ name: "IMAGE" }).pipe(
  Args.withDescription(
    "LAYOUT:REF (myorg.com/myapp:stable), LAYOUT for all its references, a unit, or a pattern"
  ),
  Args.atLeast(1)
)

export const now = (what: string) => Options.boolean("now").pipe(Options.withDescription(what))

/** Fails if `--config` is given, because a configuration file without drop-ins has no place for our file. */
export const requireDropIns = Effect.flatMap(Settings, ({ file }) =>
  file === undefined
    ? Effect.void
    : new EnablingFailed({
        image: file,
        reason: "is read without drop-ins, and this program does not edit it",
        hint: "write wantedby = multi-user.target into its [image …] section"
      })
)

/** Reloads systemd, if it is running, so that the changes take effect. */
export const reload = Effect.suspend(() =>
  HostProgram.hasSystemd() ? HostProgram.run("systemctl", "daemon-reload") : Effect.void
)
