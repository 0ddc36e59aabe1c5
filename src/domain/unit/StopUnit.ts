/**
 * The unit that stops a service which is process 1 of a namespace (see `ServiceProcesses`).
 *
 * It starts nothing, is active beside the service, and a stop comes to it first: `oci-stop` sends the stop signal and waits. It
 * is a unit of its own because everything that the service's own `ExecStop=` would run has the image's environment, with its
 * `LD_PRELOAD`, and would run on the host.
 */
import * as Either from "effect/Either"
import { display } from "../naming/ImageName.ts"
import * as ExecStart from "../systemd/ExecStart.ts"
import { literal, prose, type Unwritable } from "../systemd/UnitValue.ts"
import { header, helper, type ImageContext, sourcePath } from "./ImageContext.ts"
import * as ServiceProcesses from "./ServiceProcesses.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"

/** Returns the name of the unit, or `undefined` where systemd itself waits for the service's main process. */
export const name = (context: ImageContext): string | undefined =>
  ServiceProcesses.isolation(context) === undefined ? undefined : context.units.stop

/** Returns the unit, if the service needs one. */
export const render = (context: ImageContext): Either.Either<readonly UnitFile[], Unwritable> => {
  const own = name(context)
  if (own === undefined) return Either.right([])
  const service = context.units.service
  const program = helper(context, "oci-stop")
  return Either.map(
    Either.all([ExecStart.render(program, [program, service]), SharedDirectives.shownIn(service)]),
    ([stop, shown]) => [
      {
        name: own,
        comments: header(context.name),
        sections: [
          {
            name: "Unit",
            directives: [
              directive("Description", prose(`Orderly stop of ${display(context.name)}`)),
              ...sourcePath(context),
              directive("After", literal(service)),
              directive("PartOf", literal(service)),
              SharedDirectives.NO_START_LIMIT
            ]
          },
          {
            name: "Service",
            directives: [
              SharedDirectives.ONESHOT,
              SharedDirectives.REMAIN,
              SharedDirectives.SLICE,
              directive("ExecStop", stop),
              SharedDirectives.NO_STOP_TIMEOUT,
              IDENTIFIER,
              QUIET,
              shown
            ]
          }
        ]
      }
    ]
  )
}

const IDENTIFIER: Directive = directive("SyslogIdentifier", literal("oci-stop"))
/**
 * Hides the messages that the unit starts and stops, which the service's own messages repeat. The message that a
 * process had to be killed stays.
 */
const QUIET = directive("LogLevelMax", literal("notice"))
