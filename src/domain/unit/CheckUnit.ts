/**
 * The unit that runs one health check: a process of the image beside the main process of its service, in the
 * same namespaces.
 *
 * systemd cannot start a process inside the namespaces of another unit. `oci-check` can, and it runs on the
 * host, so no directory in which the image's processes can write is the target of a mount of this unit. The
 * unit's filters of system calls are those of the service, with the calls added that `oci-check` makes itself;
 * the image's program has neither the capabilities to use them nor new privileges.
 */
import * as Either from "effect/Either"
import { display } from "../naming/ImageName.ts"
import type { HealthCheck } from "../process/HealthCheck.ts"
import type { ImageProcess } from "../process/ImageProcess.ts"
import type { Identity } from "../process/ImageUser.ts"
import * as EnvironmentLine from "../systemd/EnvironmentLine.ts"
import * as ExecStart from "../systemd/ExecStart.ts"
import { literal, prose, type Unwritable } from "../systemd/UnitValue.ts"
import * as Capabilities from "./Capabilities.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import * as HealthUnits from "./HealthUnits.ts"
import { header, helper, type ImageContext, sourcePath } from "./ImageContext.ts"
import type { RootPaths } from "./RootPaths.ts"
import * as ServiceUnit from "./ServiceUnit.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"

export interface CheckParts {
  readonly check: HealthCheck
  /** The check's program in the root. */
  readonly path: string
  readonly process: ImageProcess
  readonly identity: Identity
  readonly roots: RootPaths
  /** The image's own unit, after preparation. */
  readonly service: UnitFile
}

export const render = (
  context: ImageContext,
  { check, identity, path, process, roots, service }: CheckParts
): Either.Either<UnitFile, Unwritable | EnvironmentLine.EnvironmentRefused> =>
  Either.gen(function* () {
    const { profile } = context.settings
    const program = helper(context, "oci-check")
    const argv = [
      ...[program, service.name, roots.root, `${identity.uid}`],
      ...[[identity.gid, ...identity.supplementaryGids].join(","), profile === "trusted" ? "no" : "yes"],
      ...[process.workingDirectory, path, ...check.command.argv]
    ]
    return {
      name: context.units.check,
      comments: header(context.name),
      sections: [
        {
          name: "Unit",
          directives: [
            directive("Description", prose(`Health check of ${display(context.name)}`)),
            ...sourcePath(context),
            ...HealthUnits.endsWith(service.name),
            SharedDirectives.NO_START_LIMIT
          ]
        },
        {
          name: "Service",
          directives: [
            SharedDirectives.ONESHOT,
            // `-` makes systemd ignore the exit status: the count decides whether a failed check is a failure.
            directive(
              "ExecStart",
              HealthUnits.prefixed(yield* ExecStart.render(program, argv)),
              HealthUnits.source(context, check, "healthcmd")
            ),
            ...(yield* environment(context, process, identity, roots)),
            ...ofService(service),
            ...ownCalls(context),
            directive(
              "TimeoutStartSec",
              HealthUnits.seconds(check.timeout),
              HealthUnits.source(context, check, "healthtimeout")
            ),
            directive("KillSignal", literal("SIGKILL")),
            ...HealthUnits.quiet
          ]
        }
      ]
    } satisfies UnitFile
  })

/**
 * Returns the check's variables, and the files with more of them, under names of their own: `oci-check` runs on the host as root, where
 * `LD_PRELOAD` of an image or of a file must have no effect. It reads the files itself.
 */
const environment = (
  context: ImageContext,
  process: ImageProcess,
  identity: Identity,
  { overlay }: RootPaths
): Either.Either<readonly Directive[], EnvironmentLine.EnvironmentRefused> =>
  Either.all(
    [
      ...ServiceUnit.variables(context, process, identity).map(({ name, value, source }, index) => ({
        name: `OCI_CHECK_${index}`,
        value: `${name}=${value}`,
        source
      })),
      ...ServiceUnit.variableFiles(context, overlay).map(({ file, source }, index) => ({
        name: `OCI_CHECK_FILE_${index}`,
        value: file,
        source
      }))
    ].map(({ source, ...variable }) =>
      Either.map(EnvironmentLine.render(variable), (line) => directive("Environment", line, source))
    )
  )

const ofService = (service: UnitFile): readonly Directive[] =>
  service.sections
    .filter(({ name }) => name === "Service")
    .flatMap(({ directives }) => directives)
    .filter(({ key }) => OF_SERVICE.has(key))

/** The directives of the service that restrict its process and not its namespaces, which the check joins. */
const OF_SERVICE: ReadonlySet<string> = new Set([
  "Slice",
  "IgnoreSIGPIPE",
  "MemoryMax",
  "MemorySwapMax",
  "CPUWeight",
  "SocketBindAllow",
  "SocketBindDeny",
  "AppArmorProfile",
  "DeviceAllow",
  "LockPersonality",
  "RestrictRealtime",
  "RestrictSUIDSGID",
  "RestrictAddressFamilies",
  "SystemCallArchitectures",
  "SystemCallFilter",
  "SystemCallErrorNumber"
])

/**
 * Returns filters that replace `ProtectKernelLogs=` and `PrivateDevices=` of the service, which would give this
 * unit mounts of its own.
 */
const ownCalls = (context: ImageContext): readonly Directive[] => {
  const { profile } = context.settings
  const source = DirectiveSource.profile(profile)
  switch (profile) {
    case "trusted":
      return []
    case "strict":
      return [
        directive("SystemCallFilter", literal(JOINING_CALLS), source),
        directive("DevicePolicy", literal("closed"), source)
      ]
    case "default":
    case "nonetwork":
      return [
        ...(Capabilities.isLifted(context, "ProtectKernelLogs")
          ? []
          : [directive("SystemCallFilter", literal("~syslog"), source)]),
        directive("DevicePolicy", literal("closed"), source)
      ]
  }
}

const JOINING_CALLS = "capset setns setgroups setregid setresgid setreuid setresuid seccomp"
