/** Whether this machine can run images, and what to do where it cannot. */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Diagnosis from "../domain/machine/Diagnosis.ts"
import type { ImageContext } from "../domain/unit/ImageContext.ts"
import * as Printable from "../domain/text/Printable.ts"
import type { Settings } from "../domain/settings/Settings.ts"
import * as DirectoryExamination from "../services/extracts/DirectoryExamination.ts"
import * as HostExamination from "../services/host/MachineExamination.ts"
import * as HostProgram from "../services/host/HostProgram.ts"
import * as InstallationExamination from "../services/install/InstallationExamination.ts"
import { NativeCalls } from "../services/files/NativeCalls.ts"
import { GENERATOR_DIRECTORY } from "../services/unit/ServiceManager.ts"
import * as TemporaryDirectory from "../services/files/TemporaryDirectory.ts"
import type { Catalog } from "./Catalog.ts"
import * as DryRun from "./DryRun.ts"

/** There are problems: not a failure of the examination, but for who wants to fail then. */
export class Unwell extends Schema.TaggedError<Unwell>()("Unwell", { checks: Schema.Array(Schema.String) }) {
  override get message(): string {
    return `this machine cannot run images as it is: ${this.checks.join(", ")}`
  }
}

export interface Patient {
  readonly settings: Settings
  readonly host: ImageContext["host"]
  readonly catalog: Catalog
  /** What is odd about the configuration. */
  readonly warnings: readonly string[]
}

export const examine = ({
  catalog,
  host,
  settings,
  warnings
}: Patient): Effect.Effect<readonly Diagnosis.Diagnosis[]> =>
  Effect.gen(function* () {
    const native = yield* InstallationExamination.native
    const directories = Diagnosis.isProblem(native)
      ? []
      : yield* DirectoryExamination.examine(settings.system).pipe(
          Effect.provide(NativeCalls.layer),
          Effect.orDie
        )
    const plan = yield* DryRun.plan(catalog.images, { host, settings })
    const installation = InstallationExamination.examine()
    return [
      ...HostExamination.examine(host.systemdVersion),
      ...installation,
      native,
      ...directories,
      configuration(warnings),
      images(catalog, plan),
      // What systemd does not run writes nothing at a reload.
      installation.some(Diagnosis.isProblem)
        ? Diagnosis.skipped("units", "the generator does not run: none are up to date")
        : upToDate(plan),
      yield* verified(plan)
    ]
  })

const configuration = (warnings: readonly string[]): Diagnosis.Diagnosis =>
  warnings.length === 0
    ? Diagnosis.ok("configuration", "all of it is understood")
    : Diagnosis.warning("configuration", lines(warnings), MEND)

/** One below the other. */
const lines = (all: readonly string[]): string => all.map(Printable.line).join("\n")

const MEND = "mend what is named, or take it away"

const images = ({ images, warnings }: Catalog, { problems, unread }: DryRun.Plan): Diagnosis.Diagnosis => {
  if (problems.length + warnings.length > 0) {
    const found = [
      ...(problems.length === 0 ? [] : [`${problems.length} of ${images.length} cannot run`]),
      ...(unread.length === 0 ? [] : [unreadOnes(unread.length)]),
      ...warnings
    ]
    const advice = [
      ...(problems.length === 0 ? [] : ["oci-systemd list says why"]),
      ...(warnings.length === 0 ? [] : [MEND])
    ]
    return Diagnosis.warning("images", lines(found), advice.join("; "))
  }
  return unread.length === 0
    ? Diagnosis.ok("images", `${images.length}, and all of them can run`)
    : Diagnosis.skipped("images", unreadOnes(unread.length))
}

const unreadOnes = (count: number): string =>
  `${count} cannot be read by this user (permission): only root can tell`

const upToDate = (plan: DryRun.Plan): Diagnosis.Diagnosis => {
  if (plan.unread.length > 0)
    return Diagnosis.skipped("units", `of the images ${unreadOnes(plan.unread.length)}`)
  if (!fs.existsSync(GENERATOR_DIRECTORY))
    return Diagnosis.skipped("units", "systemd has no generated units here")
  const count = DryRun.differences(GENERATOR_DIRECTORY, plan, { whole: true }).length
  return count === 0
    ? Diagnosis.ok("units", "systemd has those that the generator would write now")
    : Diagnosis.warning(
        "units",
        `${count} ${count === 1 ? "file differs" : "files differ"} from what the generator would write now`,
        "systemctl daemon-reload; oci-systemd dry-run --diff shows them"
      )
}

/** By systemd's own word, of the units alone: what they run is in roots that it does not look into. */
const verified = (plan: DryRun.Plan): Effect.Effect<Diagnosis.Diagnosis> =>
  Effect.gen(function* () {
    const directory = yield* TemporaryDirectory.make()
    yield* DryRun.write(directory, plan)
    const files = plan.files
      .map(({ name }) => name)
      .filter((name) => /^[^/:]+\.(?:service|timer|mount)$/.test(name))
    if (files.length === 0) return Diagnosis.ok("unit files", "there are none yet")
    const said = yield* HostProgram.said(
      "systemd-analyze",
      "verify",
      "--man=no",
      ...files.slice(0, MOST_UNITS).map((name) => `${directory}/${name}`)
    )
    const complaints = said
      .split("\n")
      .filter((line) => line.startsWith(directory) && !ON_COMMANDS.test(line))
    const [first] = complaints
    return first === undefined
      ? Diagnosis.ok("unit files", `systemd-analyze verify has nothing to say against ${files.length}`)
      : Diagnosis.warning(
          "unit files",
          `${complaints.length} complaints: ${first.slice(directory.length + 1)}`,
          "report it, with oci-systemd inspect IMAGE"
        )
  }).pipe(
    Effect.scoped,
    Effect.catchAll(({ message }) => Effect.succeed(Diagnosis.skipped("unit files", message)))
  )

/** Fails where there are problems; warnings are none. */
export const requireWell = (diagnoses: readonly Diagnosis.Diagnosis[]): Effect.Effect<void, Unwell> => {
  const checks = diagnoses.filter(Diagnosis.isProblem).map(({ check }) => check)
  return checks.length === 0 ? Effect.void : Effect.fail(new Unwell({ checks }))
}

/** It looks for the programs on the host. */
const ON_COMMANDS = /Command .* is not executable|Failed to (?:open|load) .*slice/
/** It loads each of them. */
const MOST_UNITS = 200
