/**
 * The units of an image's health check: a timer, a oneshot that has a check made and says what came of it, and a oneshot
 * that is the check, as the service itself would make it.
 *
 * systemd has nothing that starts a process inside the namespaces of another unit. A unit with the same root, user and
 * confinement that `JoinsNamespaceOf=` the service sees what it sees: the root is one mount, whatever lies in it, and
 * network, IPC and private `/tmp` are shared (systemd.unit(5)). Process ids cannot be, so the check sees the host's
 * processes of its own user, those of the service among them.
 *
 * Counting is done by `oci-health`, a shell script on the host. It is no `ExecStopPost=+` of the check: it would have the
 * image's environment there (`LD_PRELOAD`). Nor is it started by `OnSuccess=` and `OnFailure=`: one unit behind both is
 * not told how the check ended.
 */
import * as Either from "effect/Either"
import * as DirectiveSource from "./DirectiveSource.ts"
import * as ExecStart from "../systemd/ExecStart.ts"
import type { HealthCheck } from "../process/HealthCheck.ts"
import * as HealthSettings from "../settings/HealthSettings.ts"
import { header, helper, type ImageContext, sourcePath } from "./ImageContext.ts"
import { display } from "../naming/ImageName.ts"
import * as ImageProcess from "../process/ImageProcess.ts"
import type { RootFacts } from "../process/RootFacts.ts"
import type { Overlay } from "./RootPaths.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import * as TimeSpan from "../systemd/TimeSpan.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "../naming/UnitName.ts"
import { join, literal, prose, type UnitValue, type Unwritable } from "../systemd/UnitValue.ts"

/** Wanted by the service. It is there before the check's program is known, since a start asks for it only once. */
export const timer = (context: ImageContext, check: HealthCheck): UnitFile => {
  const service = UnitName.service(context.stem)
  const first = source(context, check, check.startPeriod > 0 ? "healthstartinterval" : "healthinterval")
  return {
    name: UnitName.health(context.stem, "timer", context.sha256),
    comments: header(context.name),
    sections: [
      {
        name: "Unit",
        directives: [
          directive("Description", prose(`Health checks of ${display(context.name)}`)),
          ...sourcePath(context),
          directive("BindsTo", literal(service)),
          directive("After", literal(service))
        ]
      },
      {
        name: "Timer",
        directives: [
          ...firstChecks(check).map((time) => directive("OnActiveSec", seconds(time), first)),
          directive("OnUnitInactiveSec", seconds(check.interval), source(context, check, "healthinterval")),
          // Its default is a minute.
          directive("AccuracySec", literal(check.interval < LONG ? "100ms" : "1s"))
        ]
      }
    ]
  }
}

/** Are there units of a health check? Not where nobody wants one, nor where its program is known to be missing. */
export const isChecked = (
  context: ImageContext,
  process: ImageProcess.ImageProcess,
  facts: RootFacts
): boolean =>
  context.settings.health !== "off" &&
  process.health !== undefined &&
  ImageProcess.healthPath(process, facts) !== ""

/** `path` is the check's program in the root; `service` the image's own unit, prepared. */
export const check = (
  context: ImageContext,
  check: HealthCheck,
  path: string,
  service: UnitFile
): Either.Either<UnitFile, Unwritable> =>
  Either.gen(function* () {
    return {
      name: UnitName.check(context.stem, context.sha256),
      comments: header(context.name),
      sections: [
        {
          name: "Unit",
          directives: [
            directive("Description", prose(`Health check of ${display(context.name)}`)),
            ...sourcePath(context),
            ...endsWith(service.name),
            directive("JoinsNamespaceOf", literal(service.name)),
            SharedDirectives.NO_START_LIMIT
          ]
        },
        {
          name: "Service",
          directives: [
            SharedDirectives.ONESHOT,
            ...surroundings(service),
            // "-": whether a failed check is a failure, the count says.
            directive(
              "ExecStart",
              prefixed(yield* ExecStart.render(path, check.command.argv)),
              source(context, check, "healthcmd")
            ),
            directive("TimeoutStartSec", seconds(check.timeout), source(context, check, "healthtimeout")),
            directive("KillSignal", literal("SIGKILL")),
            ...quiet
          ]
        }
      ]
    } satisfies UnitFile
  })

export const health = (
  context: ImageContext,
  check: HealthCheck,
  overlay: Overlay
): Either.Either<UnitFile, Unwritable> =>
  Either.gen(function* () {
    const service = UnitName.service(context.stem)
    const argv = [
      ...[
        programOf(context),
        "check",
        UnitName.health(context.stem, "service", context.sha256),
        UnitName.check(context.stem, context.sha256),
        service,
        stateFile(overlay)
      ],
      ...[check.retries, Math.ceil(check.startPeriod / SECOND), delay(check)].map(String),
      context.settings.health === "restart" ? "restart" : "log"
    ]
    return {
      name: UnitName.health(context.stem, "service", context.sha256),
      comments: header(context.name),
      sections: [
        {
          name: "Unit",
          directives: [
            directive("Description", prose(`Health of ${display(context.name)}`)),
            ...sourcePath(context),
            ...endsWith(service),
            // Named here, it stays loaded, and how it ended can be asked. It is also the last to be stopped.
            directive("After", literal(UnitName.check(context.stem, context.sha256))),
            SharedDirectives.NO_START_LIMIT
          ]
        },
        {
          name: "Service",
          directives: [
            SharedDirectives.ONESHOT,
            SharedDirectives.SLICE,
            directive(
              "ExecStart",
              yield* ExecStart.render(programOf(context), argv),
              source(context, check, "healthretries")
            ),
            directive("SyslogIdentifier", literal("oci-health")),
            ...quiet
          ]
        }
      ]
    } satisfies UnitFile
  })

/** Whatever ends the service ends these too, and they never start it. */
const endsWith = (service: string): readonly Directive[] =>
  ["Requisite", "StopPropagatedFrom", "After"].map((key) => directive(key, literal(service)))

/** What a check says is kept in the journal, and that another one was started and finished is not. */
const quiet = [directive("SyslogLevel", literal("notice")), directive("LogLevelMax", literal("notice"))]

/** After the service has stopped, its health unit is not failed any more. */
export const forget = (context: ImageContext): Either.Either<Directive, Unwritable> => {
  const argv = [programOf(context), "forget", UnitName.health(context.stem, "service", context.sha256)]
  return Either.map(ExecStart.render(programOf(context), argv), (line) =>
    directive("ExecStop", prefixed(line))
  )
}

/** Removed by prepare, so that every start begins anew. */
export const stateFile = ({ scratch }: Overlay): string => `${scratch}/health`

const programOf = (context: ImageContext): string => helper(context, "oci-health")

/** What the service's process has around it: all but what starts and ends it, and what logs would tell of it. */
const surroundings = (image: UnitFile): readonly Directive[] =>
  image.sections
    .filter(({ name }) => name === "Service")
    .flatMap(({ directives }) => directives)
    .filter(({ key }) => !OF_THE_PROCESS_ITSELF.has(key))

const OF_THE_PROCESS_ITSELF: ReadonlySet<string> = new Set([
  "Type",
  "ExecStart",
  "SuccessExitStatus",
  "Restart",
  "RestartSec",
  "KillSignal",
  "KillMode",
  "TimeoutStartSec",
  "TimeoutStopSec",
  "LogExtraFields",
  "StandardOutput",
  "StandardError",
  // It would be alone in a namespace of its own, and see none of the service's processes.
  "PrivatePIDs"
])

/** Docker's order: in the start period the start interval, and then the interval. */
const firstChecks = (check: HealthCheck): readonly number[] => {
  if (check.startPeriod <= 0) return [check.interval]
  const step = Math.max(check.startInterval, Math.ceil(check.startPeriod / MAX_FIRST_CHECKS))
  const times = Array.from({ length: Math.floor(check.startPeriod / step) }, (_, index) => (index + 1) * step)
  return times.length === 0 ? [check.interval] : times
}

const delay = (check: HealthCheck): number => firstChecks(check)[0] ?? check.interval

/** A failure is none. */
const prefixed = (line: UnitValue) => join([literal("-"), line], "")

const seconds = (milliseconds: number) => literal(TimeSpan.print(milliseconds))

/** A line of the configuration, or else the image, where it says anything of it. */
const source = (
  { origins, settings }: ImageContext,
  { declared }: HealthCheck,
  key: keyof HealthSettings.HealthSettings
): DirectiveSource.DirectiveSource => {
  if (settings[key] !== undefined) return DirectiveSource.setting(origins, key)
  return declared[HealthSettings.FIELDS[key]] ? OF_IMAGE : DirectiveSource.byDefault
}

const OF_IMAGE = DirectiveSource.image("Healthcheck")
const SECOND = 1000
/** Milliseconds: below, a second more or less would show. */
const LONG = 10 * SECOND
/** A start period of five minutes at Docker's start interval. */
const MAX_FIRST_CHECKS = 60
