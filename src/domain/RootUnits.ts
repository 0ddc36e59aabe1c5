/**
 * The units before an image's service: the oneshot that mounts its root, and the unit that clears up behind it.
 *
 * The mount is no unit. PID 1 takes in five mount events a second, and while more are waiting it starts and stops no
 * `.mount` unit (seen on systemd 252, 257 and 262): the fourth service to start within a second would wait for that.
 * Nor does anything wait for PID 1 to see the mount, which each service has in a namespace of its own.
 */
import * as Either from "effect/Either"
import * as ExecStart from "./ExecStart.ts"
import * as HealthUnits from "./HealthUnits.ts"
import { header, helper, type ImageContext, sourcePath } from "./ImageContext.ts"
import { display } from "./ImageName.ts"
import type { RootPaths } from "./RootPaths.ts"
import type { RootTemplate } from "./RootTemplate.ts"
import { directive, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "./UnitName.ts"
import { literal, prose, type UnitValue, type Unwritable, word } from "./UnitValue.ts"

/** `directories` of the host are bound into the root. */
export const prepare = (
  context: ImageContext,
  directories: readonly string[],
  template: RootTemplate
): Either.Either<UnitFile, Unwritable> =>
  Either.gen(function* () {
    const { system } = context
    const needed = [...new Set([system.imagelayoutdir, system.extractsdir, ...directories])]
    const service = UnitName.service(context.stem)
    return {
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
            ...noStartLimit,
            ...["Requires", "After"].map((key) =>
              directive(key, literal(UnitName.scratch(context.stem, context.sha256)))
            )
          ]
        },
        {
          name: "Service",
          directives: [
            directive("Type", literal("oneshot")),
            directive("Slice", literal("oci.slice")),
            directive("ExecStart", yield* preparation(context, template)),
            directive("TimeoutStartSec", literal("infinity")),
            directive("SyslogIdentifier", literal("oci-systemd")),
            // Shows what prepare says in the service's own `systemctl status`.
            directive("LogExtraFields", yield* word("the unit", `OBJECT_SYSTEMD_UNIT=${service}`))
          ]
        }
      ]
    } satisfies UnitFile
  })

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
  // A name that no command line can carry is looked for by that of the unit.
  return Either.orElse(line([`--layout=${name.layout}`, `--ref=${name.ref}`]), () => line([]))
}

/** Starts nothing: lasts as long as the service, and ends with clearing up. A root that is kept stays, `/run` does not. */
export const scratch = (
  context: ImageContext,
  { overlay, root }: RootPaths,
  isChecked: boolean
): Either.Either<UnitFile, Unwritable> =>
  Either.gen(function* () {
    const release = [helper(context, "oci-release"), context.settings.root, overlay.scratch, root]
    return {
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
            ...noStartLimit,
            directive("StopWhenUnneeded", literal("yes"))
          ]
        },
        {
          name: "Service",
          directives: [
            directive("Type", literal("oneshot")),
            directive("RemainAfterExit", literal("yes")),
            directive("Slice", literal("oci.slice")),
            ...(isChecked ? [yield* HealthUnits.forget(context)] : []),
            directive("ExecStop", yield* commandLine(release)),
            directive("TimeoutStopSec", literal("infinity"))
          ]
        }
      ]
    } satisfies UnitFile
  })

/** How often it may start is the service's to say; these follow it. */
const noStartLimit = [directive("StartLimitIntervalSec", literal("0"))]

const commandLine = (argv: readonly string[]): Either.Either<UnitValue, Unwritable> =>
  ExecStart.render(argv[0] ?? "", argv)
