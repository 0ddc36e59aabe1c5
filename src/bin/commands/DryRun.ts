/** `oci-systemd dry-run`: prints what the generator would write. */
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as SystemdVersion from "../../domain/systemd/SystemdVersion.ts"
import * as DryRun from "../../program/DryRun.ts"
import * as ImagesUnread from "../../program/ImagesUnread.ts"
import * as Inspection from "../../program/Inspection.ts"
import * as ImageResolution from "../../services/layout/ImageResolution.ts"
import { GENERATOR_DIRECTORY } from "../../services/unit/ServiceManager.ts"
import * as Output from "../Output.ts"
import * as PlanText from "../view/PlanText.ts"
import * as CommonOptions from "./CommonOptions.ts"

const systemdVersion = Options.text("systemd-version").pipe(
  Options.withPseudoName("N"),
  Options.mapEffect((text) =>
    /^\d{1,9}$/.test(text) && Number(text) >= SystemdVersion.OLDEST
      ? Effect.succeed(Number(text))
      : Effect.fail(
          ValidationError.invalidValue(
            HelpDoc.p(
              `--systemd-version takes a number of at least ${SystemdVersion.OLDEST}, not ${JSON.stringify(text)}`
            )
          )
        )
  ),
  Options.withDescription("Render for this version of systemd instead of the host's"),
  Options.optional
)

const output = Options.directory("output").pipe(
  Options.withPseudoName("DIR"),
  Options.withDescription("Write the files and links to this directory instead of printing them"),
  Options.optional
)

const diff = Options.boolean("diff").pipe(
  Options.withDescription("Print the differences to what the generator wrote last")
)

const check = Options.boolean("check").pipe(
  Options.withDescription("Fail if the generator's last output differs, or if an image cannot run")
)

const against = Options.directory("generator-dir").pipe(
  Options.withPseudoName("DIR"),
  Options.withDescription("Where the generator wrote, for --diff and --check"),
  Options.withDefault(GENERATOR_DIRECTORY)
)

export const dryRun = Command.make(
  "dry-run",
  {
    config: CommonOptions.config,
    systemdVersion,
    output,
    diff,
    check,
    against,
    images: CommonOptions.images
  },
  ({ against, check, diff, images, output, systemdVersion }) =>
    Effect.gen(function* () {
      const overrides = Option.isNone(systemdVersion) ? {} : { systemdVersion: systemdVersion.value }
      const { catalog, ...around } = yield* CommonOptions.load(overrides)
      const whole = images.length === 0
      const plan = yield* DryRun.plan(
        yield* CommonOptions.select(catalog, images),
        whole ? around : undefined
      )
      const isPrinted = !diff && !check && Option.isNone(output)
      // Without printing, unread images are an error, because the comparison would miss them. Printed units name
      // them.
      if (!isPrinted) yield* ImagesUnread.requireNone(plan.unread)
      const differences = diff || check ? DryRun.differences(against, plan, { whole }) : []
      if (Option.isSome(output)) yield* DryRun.write(output.value, plan)
      // Differences may be no more than what the extraction will find: that has to be read before them.
      if (diff) yield* unfinished(plan)
      if (diff) Output.printRaw(PlanText.diff(differences, Output.isTerminal()))
      else if (isPrinted) Output.printRaw(PlanText.units(plan, Output.isTerminal()))
      for (const note of plan.notes) yield* Effect.logWarning(note)
      if (!diff) yield* unfinished(plan)
      for (const problem of plan.problems) yield* Effect.logError(problem)
      yield* ImagesUnread.requireNone(plan.unread)
      if (check && differences.length + plan.problems.length > 0) {
        return yield* new DryRun.CheckFailed({
          found: [
            ...(differences.length === 0
              ? []
              : [
                  `${counted(differences.length, "file or link", "files and links")} in ${against} would change`
                ]),
            ...(plan.problems.length === 0
              ? []
              : [`${counted(plan.problems.length, "image", "images")} cannot run`])
          ],
          hint:
            differences.length > 0
              ? "systemctl daemon-reload applies the changes; oci-systemd dry-run --diff shows them"
              : "oci-systemd list shows why"
        })
      }
    })
).pipe(
  Command.withDescription("Print the units that the generator would write, and write nothing"),
  CommonOptions.reading
)

const unfinished = (plan: DryRun.Plan): Effect.Effect<void> =>
  plan.unfinished.length === 0
    ? Effect.void
    : Effect.logInfo(`${ImageResolution.several(plan.unfinished)}: ${Inspection.NOT_FINAL}`)

const counted = (count: number, one: string, several: string): string =>
  `${count} ${count === 1 ? one : several}`
