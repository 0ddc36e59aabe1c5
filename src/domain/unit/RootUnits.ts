/**
 * The units before an image's service: the oneshot that mounts its root, and the unit that clears up behind it.
 *
 * The mount is no unit. PID 1 takes in five mount events a second, and while more are waiting it starts and stops no
 * `.mount` unit (seen on systemd 252, 257 and 262): the fourth service to start within a second would wait for that.
 * Nor does anything wait for PID 1 to see the mount, which each service has in a namespace of its own.
 */
import * as Either from "effect/Either"
import * as ExecStart from "../systemd/ExecStart.ts"
import * as HealthUnits from "./HealthUnits.ts"
import { header, helper, type ImageContext, sourcePath } from "./ImageContext.ts"
import { display } from "../naming/ImageName.ts"
import type { RootPaths } from "./RootPaths.ts"
import type { RootTemplate } from "./RootTemplate.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import { directive, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "../naming/UnitName.ts"
import { literal, prose, type UnitValue, type Unwritable } from "../systemd/UnitValue.ts"

/** `directories` of the host are bound into the root. */
export const prepare = (
  context: ImageContext,
  directories: readonly string[],
  template: RootTemplate
): Either.Either<UnitFile, Unwritable> => {
  const { system } = context
  const needed = [...new Set([system.imagelayoutdir, system.extractsdir, ...directories])]
  const service = UnitName.service(context.stem)
  const before = literal(UnitName.scratch(context.stem, context.sha256))
  const line = preparation(context, template)
  if (Either.isLeft(line)) return Either.left(line.left)
  const shown = SharedDirectives.shownIn(service)
  if (Either.isLeft(shown)) return Either.left(shown.left)
  return Either.right({
    name: UnitName.prepare(context.stem, context.sha256),
    comments: header(context.name),
    sections: [
      {
        name: "Unit",
        directives: [
          directive("Description", prose(`Prepare the root of ${display(context.name)}`)),
          ...sourcePath(context),
          directive("RequiresMountsFor", literal(needed.join(" "))),
          directive("PartOf", literal(service)),
          SharedDirectives.NO_START_LIMIT,
          directive("Requires", before),
          directive("After", before)
        ]
      },
      {
        name: "Service",
        directives: [
          SharedDirectives.ONESHOT,
          SharedDirectives.SLICE,
          directive("ExecStart", line.right),
          NO_START_TIMEOUT,
          IDENTIFIER,
          shown.right
        ]
      }
    ]
  })
}

/** The shell's program, and what it runs where there is more to be done. That need not look for the image again. */
const preparation = (context: ImageContext, { argv }: RootTemplate): Either.Either<UnitValue, Unwritable> => {
  const { host, name, stem } = context
  const line = (place: readonly string[]) =>
    commandLine([
      ...argv,
      "--",
      ...host.cli,
      "prepare",
      ...(host.configFile === undefined ? [] : ["--config", host.configFile]),
      ...place,
      "--",
      UnitName.service(stem)
    ])
  const named = line([`--layout=${name.layout}`, `--ref=${name.ref}`])
  // A name that no command line can carry is looked for by that of the unit.
  return Either.isLeft(named) ? line([]) : named
}

/** Starts nothing: lasts as long as the service, and ends with clearing up. A root that is kept stays, `/run` does not. */
export const scratch = (
  context: ImageContext,
  { overlay, root }: RootPaths,
  isChecked: boolean
): Either.Either<UnitFile, Unwritable> => {
  const release = commandLine([helper(context, "oci-release"), context.settings.root, overlay.scratch, root])
  if (Either.isLeft(release)) return Either.left(release.left)
  const forget = isChecked ? HealthUnits.forget(context) : undefined
  if (forget !== undefined && Either.isLeft(forget)) return Either.left(forget.left)
  return Either.right({
    name: UnitName.scratch(context.stem, context.sha256),
    comments: header(context.name),
    sections: [
      {
        name: "Unit",
        directives: [
          directive("Description", prose(`Scratch of ${display(context.name)}`)),
          ...sourcePath(context),
          directive("RequiresMountsFor", literal(context.system.extractsdir)),
          directive("PartOf", literal(UnitName.service(context.stem))),
          SharedDirectives.NO_START_LIMIT,
          SharedDirectives.STOP_WHEN_UNNEEDED
        ]
      },
      {
        name: "Service",
        directives: [
          SharedDirectives.ONESHOT,
          REMAIN,
          SharedDirectives.SLICE,
          ...(forget === undefined ? [] : [forget.right]),
          directive("ExecStop", release.right),
          NO_STOP_TIMEOUT
        ]
      }
    ]
  })
}

const REMAIN = directive("RemainAfterExit", literal("yes"))
const NO_START_TIMEOUT = directive("TimeoutStartSec", literal("infinity"))
const NO_STOP_TIMEOUT = directive("TimeoutStopSec", literal("infinity"))
const IDENTIFIER = directive("SyslogIdentifier", literal("oci-systemd"))

const commandLine = (argv: readonly string[]): Either.Either<UnitValue, Unwritable> =>
  ExecStart.render(argv[0] ?? "", argv)
