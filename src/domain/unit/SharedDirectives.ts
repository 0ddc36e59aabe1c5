/** What several of an image's units say in the same words (systemd.unit(5), systemd.service(5)). */
import * as Either from "effect/Either"
import { type Directive, directive } from "./UnitFile.ts"
import { literal, type Unwritable, word } from "../systemd/UnitValue.ts"

export const ONESHOT = directive("Type", literal("oneshot"))
export const EXEC = directive("Type", literal("exec"))
export const SLICE = directive("Slice", literal("oci.slice"))
/** Of a unit beside the service: how often it may start is for the service, or a timer, to say. */
export const NO_START_LIMIT = directive("StartLimitIntervalSec", literal("0"))
export const STOP_WHEN_UNNEEDED = directive("StopWhenUnneeded", literal("yes"))

/** Shows what a unit says in `systemctl status` and `journalctl -u` of `service` too. */
export const shownIn = (service: string): Either.Either<Directive, Unwritable> =>
  Either.map(word("the unit", `OBJECT_SYSTEMD_UNIT=${service}`), (field) =>
    directive("LogExtraFields", field)
  )
