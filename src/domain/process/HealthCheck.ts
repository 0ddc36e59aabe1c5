/**
 * The image's `Healthcheck`, Docker's extension of the image configuration.
 *
 *     Test = []                            as the image this one is made from: there is none here
 *          | [ "NONE" ]                    no check
 *          | [ "CMD", program, … ]         executed as it is
 *          | [ "CMD-SHELL", script ]       given to the image's shell
 *
 * Times are nanoseconds; 0 or nothing means Docker's default.
 */
import * as Either from "effect/Either"
import type { Assignment } from "../systemd/EnvironmentLine.ts"
import * as ImageCommand from "./ImageCommand.ts"
import type { ProcessConfig } from "../image/ImageConfig.ts"
import * as TimeSpan from "../systemd/TimeSpan.ts"

export interface HealthCheck {
  readonly command: ImageCommand.ImageCommand
  /** Milliseconds between the end of a check and the next, and until the first. */
  readonly interval: number
  /** Milliseconds that a check may take; longer is a failure. */
  readonly timeout: number
  /** Milliseconds after the start in which failures do not count, unless a check has succeeded. */
  readonly startPeriod: number
  /** Milliseconds between checks in the start period. */
  readonly startInterval: number
  /** Failures in a row that make the service unhealthy. */
  readonly retries: number
  /** What all this was made of: a field that is not there has Docker's default. */
  readonly declared: NonNullable<ProcessConfig["Healthcheck"]>
}

/** `undefined` where the image has none; a sentence where what it has cannot be understood. */
export const fromConfig = (
  config: Pick<ProcessConfig, "Healthcheck" | "Shell">,
  workingDirectory: string,
  environment: readonly Assignment[]
): Either.Either<HealthCheck | undefined, string> => {
  const check = config.Healthcheck
  const [kind, ...test] = check?.Test ?? []
  if (check === undefined || check === null || kind === undefined || kind === "NONE")
    return Either.right(undefined)
  return Either.gen(function* () {
    const argv = kind === "CMD" ? test : kind === "CMD-SHELL" ? shell(config, test) : undefined
    if (argv === undefined) {
      return yield* Either.left(`the health check ${JSON.stringify(kind)} is none of NONE, CMD and CMD-SHELL`)
    }
    const command = yield* Either.mapLeft(
      ImageCommand.fromConfig({ Entrypoint: argv }, workingDirectory, environment),
      () => "the health check has no command"
    )
    return {
      command,
      interval: milliseconds(check.Interval, INTERVAL),
      timeout: milliseconds(check.Timeout, TIMEOUT),
      startPeriod: milliseconds(check.StartPeriod, START_PERIOD),
      startInterval: milliseconds(check.StartInterval, START_INTERVAL),
      retries:
        check.Retries !== undefined && check.Retries > 0
          ? Math.min(Math.ceil(check.Retries), MOST_RETRIES)
          : RETRIES,
      declared: check
    }
  })
}

const shell = ({ Shell }: Pick<ProcessConfig, "Shell">, [script]: readonly string[]): readonly string[] =>
  script === undefined ? [] : [...(Shell === undefined || Shell.length === 0 ? SHELL : Shell), script]

/** Rounded up, so that nothing becomes 0. */
const milliseconds = (nanoseconds: number | undefined, byDefault: number): number =>
  nanoseconds === undefined || !(nanoseconds > 0)
    ? byDefault
    : Math.min(Math.ceil(nanoseconds / NANOSECONDS), TimeSpan.LONGEST)

/** Docker's defaults, in milliseconds. */
const INTERVAL = 30_000
const TIMEOUT = 30_000
const START_PERIOD = 0
const START_INTERVAL = 5_000
const RETRIES = 3
/** Any shell can count so far, in digits. */
const MOST_RETRIES = 1_000_000
const SHELL = ["/bin/sh", "-c"]
const NANOSECONDS = 1_000_000
