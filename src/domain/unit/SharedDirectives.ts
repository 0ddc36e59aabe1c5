/** Directives that several of an image's units have (systemd.unit(5), systemd.service(5)). */
import * as Either from "effect/Either"
import { literal, type Unwritable, word } from "../systemd/UnitValue.ts"
import { type Directive, directive } from "./UnitFile.ts"

export const ONESHOT = directive("Type", literal("oneshot"))
export const REMAIN = directive("RemainAfterExit", literal("yes"))
export const EXEC = directive("Type", literal("exec"))
export const SLICE = directive("Slice", literal("oci.slice"))
/** Turns off the start limit of a unit beside the service: the service or a timer limits how often it starts. */
export const NO_START_LIMIT = directive("StartLimitIntervalSec", literal("0"))
export const NO_STOP_TIMEOUT = directive("TimeoutStopSec", literal("infinity"))
/**
 * Stops a unit that the service requires once the service has stopped, but not while systemd is about to restart the service.
 * `PartOf=` and `StopPropagatedFrom=` would stop the unit then too; and since the service requires it, systemd would take
 * each restart for a new start, so that no limit and no growing delay of restarts would ever hold.
 */
export const STOP_WHEN_UNNEEDED = directive("StopWhenUnneeded", literal("yes"))

/**
 * systemd ignores SIGPIPE in services by default, and a program inherits that: `yes | head -1` would never end. A
 * container's process has the kernel's default (systemd.exec(5)).
 */
export const SIGPIPE = directive("IgnoreSIGPIPE", literal("no"))

/** Shows the unit's messages in `systemctl status` and `journalctl -u` of `service` as well. */
export const shownIn = (service: string): Either.Either<Directive, Unwritable> =>
  Either.map(word("the unit", `OBJECT_SYSTEMD_UNIT=${service}`), (field) =>
    directive("LogExtraFields", field)
  )
