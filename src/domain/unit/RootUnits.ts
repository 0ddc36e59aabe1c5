/**
 * The units before an image's service: the oneshot that mounts its root, and the unit that cleans up after it.
 *
 * The mount is not a unit. PID 1 processes five mount events a second, and while more are waiting it starts and stops
 * no `.mount` unit (seen on systemd 252, 257 and 262): the fourth service to start within a second would have to
 * wait. Nothing needs to wait until PID 1 sees the mount, since each service has the mount in its own namespace.
 */
import * as Either from "effect/Either"
import { display } from "../naming/ImageName.ts"
import * as ExecStart from "../systemd/ExecStart.ts"
import { literal, prose, type UnitValue, type Unwritable } from "../systemd/UnitValue.ts"
import * as HealthUnits from "./HealthUnits.ts"
import { header, helper, type ImageContext, sourcePath } from "./ImageContext.ts"
import * as OutputUnit from "./OutputUnit.ts"
import type { RootPaths } from "./RootPaths.ts"
import type { RootTemplate } from "./RootTemplate.ts"
import * as ServiceSecrets from "./ServiceSecrets.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import { directive, type UnitFile } from "./UnitFile.ts"

/**
 * Returns the oneshot. `paths` of the host are bound into the root, or read when the service starts.
 *
 * It wants the reader of the output, as the service does. Where it fails before a restart, systemd looks which of the
 * units that it names are still needed, and not at those that the service names. A reader that stayed would read the pipe
 * that has gone with the scratch, and the next start would wait in vain for a reader of the new pipe.
 */
export const prepare = (
  context: ImageContext,
  paths: readonly string[],
  template: RootTemplate
): Either.Either<UnitFile, Unwritable> => {
  const { system } = context
  const needed = [...new Set([system.imagelayoutdir, system.extractsdir, ...paths])]
  const service = context.units.service
  const before = literal(context.units.scratch)
  const line = preparation(context, template)
  if (Either.isLeft(line)) return Either.left(line.left)
  const shown = SharedDirectives.shownIn(service)
  if (Either.isLeft(shown)) return Either.left(shown.left)
  return Either.right({
    name: context.units.prepare,
    comments: header(context.name),
    sections: [
      {
        name: "Unit",
        directives: [
          directive("Description", prose(`Prepare the root of ${display(context.name)}`)),
          ...sourcePath(context),
          directive("RequiresMountsFor", literal(needed.join(" "))),
          SharedDirectives.NO_START_LIMIT,
          directive("Requires", before),
          directive("After", before),
          ...(OutputUnit.isPiped(context) ? [directive("Wants", literal(context.units.output))] : [])
        ]
      },
      {
        name: "Service",
        directives: [
          SharedDirectives.ONESHOT,
          SharedDirectives.SLICE,
          ...ServiceSecrets.credentials(context),
          directive("ExecStart", line.right),
          NO_START_TIMEOUT,
          NOTIFIES,
          IDENTIFIER,
          // The journal then has the progress of a large image's first start and the reason of a failed start, and
          // nothing of other starts.
          ...HealthUnits.quiet,
          shown.right
        ]
      }
    ]
  })
}

/**
 * Returns the command line: the shell script, followed by the command that it runs if more has to be done, which
 * names the layout.
 */
const preparation = (context: ImageContext, { argv }: RootTemplate): Either.Either<UnitValue, Unwritable> => {
  const { host, name, units } = context
  const line = (place: readonly string[]) =>
    commandLine([
      ...argv,
      "--",
      ...host.cli,
      "prepare",
      ...(host.configFile === undefined ? [] : ["--config", host.configFile]),
      ...place,
      "--",
      units.service
    ])
  const named = line([`--layout=${name.layout}`, `--ref=${name.ref}`])
  // If no command line can carry the name, the image is looked up by the name of its unit.
  return Either.isLeft(named) ? line([]) : named
}

/**
 * Returns a unit that starts nothing. It is active as long as the service, and cleans up when it stops. A root that
 * is kept stays, `/run` does not.
 */
export const scratch = (
  context: ImageContext,
  { overlay, root }: RootPaths,
  isChecked: boolean
): Either.Either<UnitFile, Unwritable> => {
  const release = commandLine([
    helper(context, "oci-release"),
    ...[context.settings.root, overlay.scratch, root, context.units.service]
  ])
  if (Either.isLeft(release)) return Either.left(release.left)
  const forget = isChecked ? HealthUnits.forget(context) : undefined
  if (forget !== undefined && Either.isLeft(forget)) return Either.left(forget.left)
  return Either.right({
    name: context.units.scratch,
    comments: header(context.name),
    sections: [
      {
        name: "Unit",
        directives: [
          directive("Description", prose(`Scratch of ${display(context.name)}`)),
          ...sourcePath(context),
          directive("RequiresMountsFor", literal(context.system.extractsdir)),
          SharedDirectives.NO_START_LIMIT,
          SharedDirectives.STOP_WHEN_UNNEEDED
        ]
      },
      {
        name: "Service",
        directives: [
          SharedDirectives.ONESHOT,
          SharedDirectives.REMAIN,
          SharedDirectives.SLICE,
          ...(forget === undefined ? [] : [forget.right]),
          directive("ExecStop", release.right),
          SharedDirectives.NO_STOP_TIMEOUT,
          ...HealthUnits.quiet
        ]
      }
    ]
  })
}

const NO_START_TIMEOUT = directive("TimeoutStartSec", literal("infinity"))
/** An extraction tells how far it is, for `systemctl status` of this unit. */
const NOTIFIES = directive("NotifyAccess", literal("main"))
const IDENTIFIER = directive("SyslogIdentifier", literal("oci-systemd"))

const commandLine = (argv: readonly string[]): Either.Either<UnitValue, Unwritable> =>
  ExecStart.render(argv[0] ?? "", argv)
