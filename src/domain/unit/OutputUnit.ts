/**
 * The way from an image's output to the journal, for programs that open `/dev/stdout` by its name.
 *
 * The journal's end is a socket, and a socket cannot be opened again: `open("/dev/stdout")` fails with ENXIO, and the
 * program with it. Images of container engines log that way (`access.log -> /dev/stdout`), because there it is a pipe. So
 * it is one here too: prepare makes a fifo in the scratch, and a unit of its own reads it into the journal.
 */
import * as Either from "effect/Either"
import * as DirectiveSource from "./DirectiveSource.ts"
import * as ExecStart from "../systemd/ExecStart.ts"
import { header, type ImageContext, sourcePath } from "./ImageContext.ts"
import { display } from "../naming/ImageName.ts"
import type { RootFacts } from "../process/RootFacts.ts"
import type { Overlay } from "./RootPaths.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "../naming/UnitName.ts"
import { join, literal, path, prose, type Unwritable } from "../systemd/UnitValue.ts"

/** Is there a pipe? Without facts that is not known, and the unit is there, since a start asks for it only once. */
export const isPiped = ({ settings }: ImageContext, facts: RootFacts): boolean | undefined =>
  settings.output === "auto" ? facts.opensOutput : settings.output === "pipe"

export const fifo = ({ scratch }: Overlay): string => `${scratch}/output`

/** For the image's service. The fifo is opened on the host, before the service enters its root. */
export const directives = (
  context: ImageContext,
  facts: RootFacts,
  overlay: Overlay
): Either.Either<readonly Directive[], Unwritable> =>
  isPiped(context, facts) !== true
    ? Either.right([])
    : Either.map(path("the output", fifo(overlay)), (value) => [
        directive("StandardOutput", join([literal("file:"), value], ""), sourceOf(context)),
        directive("StandardError", literal("inherit"), sourceOf(context))
      ])

export const render = (context: ImageContext, overlay: Overlay): Either.Either<UnitFile, Unwritable> => {
  const prepare = UnitName.prepare(context.stem, context.sha256)
  const service = UnitName.service(context.stem)
  const pipe = path("the output", fifo(overlay))
  if (Either.isLeft(pipe)) return Either.left(pipe.left)
  // Opened for writing too, it has a reader from the start and never ends.
  const reader = ExecStart.render("/bin/sh", ["sh", "-c", 'exec cat <>"$1"', "sh", fifo(overlay)])
  if (Either.isLeft(reader)) return Either.left(reader.left)
  const shown = SharedDirectives.shownIn(service)
  if (Either.isLeft(shown)) return Either.left(shown.left)
  return Either.right({
    name: UnitName.output(context.stem, context.sha256),
    comments: header(context.name),
    sections: [
      {
        name: "Unit",
        directives: [
          directive("Description", prose(`Output of ${display(context.name)}`)),
          ...sourcePath(context),
          // Not Requires=: that it failed as well would push the reason out of the ten lines that status shows.
          directive("ConditionPathExists", pipe.right),
          directive("After", literal(`${prepare} ${UnitName.scratch(context.stem, context.sha256)}`)),
          directive("PartOf", literal(service)),
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
          directive("SyslogIdentifier", literal(context.stem)),
          shown.right
        ]
      }
    ]
  })
}

const RESTART = directive("Restart", literal("always"))

const sourceOf = (context: ImageContext): DirectiveSource.DirectiveSource =>
  context.settings.output === "auto"
    ? DirectiveSource.image("rootfs")
    : DirectiveSource.setting(context.origins, "output")
