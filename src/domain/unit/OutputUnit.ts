/**
 * The way from an image's output to the journal, for programs that open `/dev/stdout` by its name.
 *
 * systemd connects a service's output to the journal by a socket, and a socket cannot be opened again:
 * `open("/dev/stdout")` fails with ENXIO, and with it the program. Images of container engines open their output in many
 * ways (`access.log -> /dev/stdout`, `error_log = /proc/self/fd/2`, `echo … > /dev/stderr` in a script), because there the
 * output is a pipe. This module makes it a pipe as well, unless the configuration says otherwise: prepare makes a fifo in
 * the scratch directory, and a separate unit copies it to the journal.
 */
import * as Either from "effect/Either"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import { display } from "../naming/ImageName.ts"
import * as ExecStart from "../systemd/ExecStart.ts"
import { join, literal, path, prose, type Unwritable } from "../systemd/UnitValue.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import { header, helper, type ImageContext, sourcePath } from "./ImageContext.ts"
import * as ImageLabels from "./ImageLabels.ts"
import type { Overlay } from "./RootPaths.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"

/** Whether the output goes through a pipe. */
export const isPiped = ({ settings }: Pick<ImageContext, "settings">): boolean => settings.output === "pipe"

export const fifo = ({ scratch }: Overlay): string => `${scratch}/output`

/** Returns directives for the image's service. The fifo is opened on the host, before the service enters its root. */
export const directives = (
  context: ImageContext,
  overlay: Overlay
): Either.Either<readonly Directive[], Unwritable> =>
  !isPiped(context)
    ? Either.right([])
    : Either.map(path("the output", fifo(overlay)), (value) => {
        const source = DirectiveSource.setting(context.origins, "output")
        return [
          directive("StandardOutput", join([literal("file:"), value], ""), source),
          directive("StandardError", literal("inherit"), source)
        ]
      })

export const render = (
  context: ImageContext,
  image: ResolvedImage,
  overlay: Overlay
): Either.Either<UnitFile, Unwritable> => {
  const prepare = context.units.prepare
  const service = context.units.service
  const pipe = path("the output", fifo(overlay))
  if (Either.isLeft(pipe)) return Either.left(pipe.left)
  const program = helper(context, "oci-output")
  const reader = ExecStart.render(program, [program, fifo(overlay)])
  if (Either.isLeft(reader)) return Either.left(reader.left)
  const shown = SharedDirectives.shownIn(service)
  if (Either.isLeft(shown)) return Either.left(shown.left)
  return Either.right({
    name: context.units.output,
    comments: header(context.name),
    sections: [
      {
        name: "Unit",
        directives: [
          directive("Description", prose(`Output of ${display(context.name)}`)),
          ...sourcePath(context),
          // This is not Requires=, because a second failed unit would push the reason out of the ten lines that
          // status shows.
          directive("ConditionPathExists", pipe.right),
          directive("After", literal(`${prepare} ${context.units.scratch}`)),
          SharedDirectives.NO_START_LIMIT,
          SharedDirectives.STOP_WHEN_UNNEEDED
        ]
      },
      {
        name: "Service",
        directives: [
          SharedDirectives.EXEC,
          SharedDirectives.SLICE,
          directive("ExecStart", reader.right),
          RESTART,
          // The signal is for the script alone: what it started reads to the end.
          KILL_MODE,
          STOP_TIMEOUT,
          directive("SyslogIdentifier", literal(context.stem)),
          shown.right,
          ...ImageLabels.logFields(context.name, image, context.host.systemdVersion)
        ]
      }
    ]
  })
}

const RESTART = directive("Restart", literal("always"))
const KILL_MODE = directive("KillMode", literal("mixed"))
/** Only a process that outlives its service keeps the pipe open. */
const STOP_TIMEOUT = directive("TimeoutStopSec", literal("5s"))
