/**
 * The units before an image's service: the oneshot that prepares its root, the overlay mount, and the unit that clears
 * up behind them.
 */
import * as Either from "effect/Either"
import * as ExecStart from "./ExecStart.ts"
import * as HealthUnits from "./HealthUnits.ts"
import { header, helper, type ImageContext, sourcePath } from "./ImageContext.ts"
import { display } from "./ImageName.ts"
import * as OutputUnit from "./OutputUnit.ts"
import { type Overlay, type RootPaths, writables } from "./RootPaths.ts"
import { directive, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "./UnitName.ts"
import { join, literal, prose, type UnitValue, type Unwritable, word } from "./UnitValue.ts"

/** Overlay options are separated by `,` and lower directories by `:`; `Settings` keeps both out of these paths. */
export const mount = (context: ImageContext, { root, lower, overlay }: RootPaths): UnitFile => {
  const service = UnitName.service(context.stem)
  const before = UnitName.prepare(context.stem, context.sha256)
  return {
    name: UnitName.mount(root),
    comments: header(context.name),
    sections: [
      {
        name: "Unit",
        directives: [
          directive("Description", prose(`Root of ${display(context.name)}`)),
          ...sourcePath(context),
          // The default dependencies put a mount before local-fs.target, and prepare runs after it.
          directive("DefaultDependencies", literal("no")),
          directive("Conflicts", literal("umount.target")),
          directive("Before", literal("umount.target")),
          directive("Requires", literal(before)),
          directive("After", literal(`${before} ${UnitName.scratch(context.stem, context.sha256)}`)),
          directive("PartOf", literal(service)),
          ...noStartLimit,
          directive("StopWhenUnneeded", literal("yes"))
        ]
      },
      {
        name: "Mount",
        directives: [
          directive("What", literal("overlay")),
          directive("Where", literal(root)),
          directive("Type", literal("overlay")),
          directive("Options", literal(options(context, lower, overlay)))
        ]
      }
    ]
  }
}

const options = ({ settings }: ImageContext, lower: string, { upper, work }: Overlay): string =>
  settings.root === "readonly"
    ? `ro,lowerdir=${upper}:${lower}`
    : `lowerdir=${lower},upperdir=${upper},workdir=${work}`

/** `directories` of the host are bound into the root. */
export const prepare = (
  context: ImageContext,
  directories: readonly string[]
): Either.Either<UnitFile, Unwritable> =>
  Either.gen(function* () {
    const { system, host } = context
    const needed = [...new Set([system.imagelayoutdir, system.extractsdir, ...directories])]
    const service = UnitName.service(context.stem)
    const cli = yield* commandLine([
      ...host.cli,
      "prepare",
      ...(host.configFile === undefined ? [] : ["--config", host.configFile]),
      "--",
      UnitName.service(context.stem)
    ])
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
            directive("ExecStart", cli),
            directive("TimeoutStartSec", literal("infinity")),
            directive("SyslogIdentifier", literal("oci-systemd")),
            // Shows what prepare says in the service's own `systemctl status`.
            directive("LogExtraFields", yield* word("the unit", `OBJECT_SYSTEMD_UNIT=${service}`))
          ]
        }
      ]
    } satisfies UnitFile
  })

/** Starts nothing: lasts as long as the service, and ends with clearing up. A root that is kept stays, `/run` does not. */
export const scratch = (
  context: ImageContext,
  overlay: Overlay,
  { isChecked, hasUser }: { readonly isChecked: boolean; readonly hasUser: boolean }
): Either.Either<UnitFile, Unwritable> =>
  Either.gen(function* () {
    const passing =
      context.settings.root === "persistent"
        ? [
            ...writables(overlay, context.settings).map(({ directory }) => directory),
            HealthUnits.stateFile(overlay),
            OutputUnit.fifo(overlay)
          ]
        : [overlay.scratch]
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
            ...(hasUser
              ? [
                  directive(
                    "ExecStop",
                    // "-": the rest is cleared all the same.
                    join(
                      [literal("-"), yield* commandLine([helper(context, "oci-release"), overlay.name])],
                      ""
                    )
                  )
                ]
              : []),
            directive("ExecStop", yield* commandLine(["/bin/rm", "-rf", "--", ...passing])),
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
