/**
 * The units around an image's health check: a timer, and a oneshot that starts a check and evaluates its result. The
 * check itself is `CheckUnit`.
 *
 * The shell script `oci-health` counts failures on the host. It is not an `ExecStopPost=+` of the check, because
 * there it would have the image's environment (`LD_PRELOAD`). `OnSuccess=` and `OnFailure=` do not start it either,
 * because one unit behind both is not told how the check ended.
 */
import * as Either from "effect/Either"
import { display } from "../naming/ImageName.ts"
import type { HealthCheck } from "../process/HealthCheck.ts"
import * as ImageProcess from "../process/ImageProcess.ts"
import type { RootFacts } from "../process/RootFacts.ts"
import * as HealthSettings from "../settings/HealthSettings.ts"
import * as ExecStart from "../systemd/ExecStart.ts"
import * as TimeSpan from "../systemd/TimeSpan.ts"
import { join, literal, prose, type UnitValue, type Unwritable } from "../systemd/UnitValue.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import { header, helper, type ImageContext, sourcePath } from "./ImageContext.ts"
import type { Overlay } from "./RootPaths.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"

/**
 * Returns the timer, which the service wants. It exists before the check's program is known, since a start looks for
 * it only once.
 */
export const timer = (context: ImageContext, check: HealthCheck): UnitFile => {
  const service = context.units.service
  const first = source(context, check, check.startPeriod > 0 ? "healthstartinterval" : "healthinterval")
  return {
    name: context.units.healthTimer,
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
          // The default accuracy is one minute.
          directive("AccuracySec", literal(check.interval < LONG ? "100ms" : "1s"))
        ]
      }
    ]
  }
}

/** Whether the health check has units. It has none if it is turned off or its program is known to be missing. */
export const isChecked = (
  context: ImageContext,
  process: ImageProcess.ImageProcess,
  facts: RootFacts
): boolean =>
  context.settings.health !== "off" &&
  process.health !== undefined &&
  ImageProcess.healthPath(process, facts) !== ""

export const health = (
  context: ImageContext,
  check: HealthCheck,
  overlay: Overlay
): Either.Either<UnitFile, Unwritable> =>
  Either.gen(function* () {
    const service = context.units.service
    const argv = [
      ...[
        programOf(context),
        "check",
        context.units.health,
        context.units.check,
        service,
        stateFile(overlay)
      ],
      ...[check.retries, Math.ceil(check.startPeriod / SECOND), delay(check)].map(String),
      context.settings.health === "restart" ? "restart" : "log"
    ]
    return {
      name: context.units.health,
      comments: header(context.name),
      sections: [
        {
          name: "Unit",
          directives: [
            directive("Description", prose(`Health of ${display(context.name)}`)),
            ...sourcePath(context),
            ...endsWith(service),
            // The unit is named here so that it stays loaded, and its result can be queried. It also stops last.
            directive("After", literal(context.units.check)),
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
            // It is ended along with the service that it checks.
            directive("SuccessExitStatus", literal("SIGTERM")),
            directive("SyslogIdentifier", literal("oci-health")),
            ...quiet
          ]
        }
      ]
    } satisfies UnitFile
  })

/**
 * Returns what stands in for the health unit until extraction has found the check's program and user. A service that runs when
 * its image is replaced has a timer already: without a unit to start, the timer would fail, and stay failed until the
 * next start.
 */
export const standIn = (context: ImageContext): UnitFile => ({
  name: context.units.health,
  comments: header(context.name),
  sections: [
    {
      name: "Unit",
      directives: [
        directive(
          "Description",
          join([
            prose(`Health of ${display(context.name)}`),
            literal("(not checked: the new image is not extracted yet; restart the service)")
          ])
        ),
        ...sourcePath(context),
        ...endsWith(context.units.service),
        SharedDirectives.NO_START_LIMIT
      ]
    },
    {
      name: "Service",
      directives: [
        SharedDirectives.ONESHOT,
        SharedDirectives.SLICE,
        directive("ExecStart", literal("/bin/true")),
        ...quiet
      ]
    }
  ]
})

/** Makes these units end with the service, whatever ends it. They never start it. */
export const endsWith = (service: string): readonly Directive[] =>
  ["Requisite", "StopPropagatedFrom", "After"].map((key) => directive(key, literal(service)))

/** Keeps a check's output in the journal, but not the messages that a check was started and finished. */
export const quiet = [
  directive("SyslogLevel", literal("notice")),
  directive("LogLevelMax", literal("notice"))
]

/** Resets the failed state of the health unit after the service has stopped. */
export const forget = (context: ImageContext): Either.Either<Directive, Unwritable> => {
  const argv = [programOf(context), "forget", context.units.health]
  return Either.map(ExecStart.render(programOf(context), argv), (line) =>
    directive("ExecStop", prefixed(line))
  )
}

/**
 * Returns the file of counts. prepare removes it, so that every start begins at zero. The count of restarts beside it stays
 * until the service is stopped.
 */
export const stateFile = ({ scratch }: Overlay): string => `${scratch}/health`

const programOf = (context: ImageContext): string => helper(context, "oci-health")

/**
 * Returns the times of the first checks in Docker's order: the start interval during the start period, and then the
 * interval.
 */
const firstChecks = (check: HealthCheck): readonly number[] => {
  if (check.startPeriod <= 0) return [check.interval]
  const step = Math.max(check.startInterval, Math.ceil(check.startPeriod / MAX_FIRST_CHECKS))
  const times = Array.from({ length: Math.floor(check.startPeriod / step) }, (_, index) => (index + 1) * step)
  return times.length === 0 ? [check.interval] : times
}

const delay = (check: HealthCheck): number => firstChecks(check)[0] ?? check.interval

/** Prefixes a command with `-`, which makes systemd ignore its exit status. */
export const prefixed = (line: UnitValue) => join([literal("-"), line], "")

export const seconds = (milliseconds: number) => literal(TimeSpan.print(milliseconds))

/** Returns the source of a value: a line of the configuration, or else the image, if it sets the field. */
export const source = (
  { origins, settings }: ImageContext,
  { declared }: HealthCheck,
  key: keyof HealthSettings.HealthSettings
): DirectiveSource.DirectiveSource => {
  if (settings[key] !== undefined) return DirectiveSource.setting(origins, key)
  return declared[HealthSettings.FIELDS[key]] ? OF_IMAGE : DirectiveSource.byDefault
}

const OF_IMAGE = DirectiveSource.image("Healthcheck")
const SECOND = 1000
/** Milliseconds. In shorter intervals an inaccuracy of a second would matter. */
const LONG = 10 * SECOND
/** The most first checks: a start period of five minutes at Docker's start interval. */
const MAX_FIRST_CHECKS = 60
