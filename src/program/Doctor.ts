/** Checks whether this machine can run images, and says how to fix what is wrong. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Diagnosis from "../domain/machine/Diagnosis.ts"
import * as ImagePattern from "../domain/naming/ImagePattern.ts"
import * as EnablingFile from "../domain/settings/EnablingFile.ts"
import type { Settings } from "../domain/settings/Settings.ts"
import * as Printable from "../domain/text/Printable.ts"
import type { ImageContext } from "../domain/unit/ImageContext.ts"
import * as DirectoryExamination from "../services/extracts/DirectoryExamination.ts"
import type { Calls, NativeCallsUnavailable } from "../services/files/NativeCalls.ts"
import * as TemporaryDirectory from "../services/files/TemporaryDirectory.ts"
import * as HostProgram from "../services/host/HostProgram.ts"
import * as MachineExamination from "../services/host/MachineExamination.ts"
import * as InstallationExamination from "../services/install/InstallationExamination.ts"
import * as MemoryExamination from "../services/memory/MemoryExamination.ts"
import * as GeneratedUnits from "../services/unit/GeneratedUnits.ts"
import { GENERATOR_DIRECTORY } from "../services/unit/ServiceManager.ts"
import { type Catalog, isImage } from "./Catalog.ts"
import * as DryRun from "./DryRun.ts"

/** There are problems. The examination itself succeeds; this error is for callers that want to fail then. */
export class MachineUnfit extends Data.TaggedError("MachineUnfit")<{
  readonly checks: ReadonlyArray<string>
}> {
  override get message(): string {
    return `this machine cannot run images: see what is said above of ${this.checks.join(", ")}`
  }
}

export interface Machine {
  readonly settings: Settings
  readonly host: ImageContext["host"]
  readonly catalog: Catalog
  /** The native calls, or why they cannot be loaded. Without them directories are not examined. */
  readonly nativeCalls: Either.Either<Calls, NativeCallsUnavailable>
  /** Lines of the configuration that are not understood. */
  readonly warnings: readonly string[]
}

export const examine = ({
  catalog,
  host,
  nativeCalls,
  settings,
  warnings
}: Machine): Effect.Effect<readonly Diagnosis.Diagnosis[]> =>
  Effect.gen(function* () {
    const native = InstallationExamination.native(nativeCalls)
    const directories = Either.isLeft(nativeCalls)
      ? []
      : yield* DirectoryExamination.examine(nativeCalls.right, settings.system)
    const plan = yield* DryRun.plan(catalog.images, { host, settings })
    const installation = InstallationExamination.examine()
    return [
      ...MachineExamination.examine(host.systemdVersion),
      ...installation,
      native,
      ...directories,
      configuration(warnings, settings, catalog),
      images(catalog, plan),
      // A generator that systemd does not run writes nothing at a reload.
      installation.some(Diagnosis.isProblem)
        ? Diagnosis.skipped("units", "the generator does not run, so units are not up to date")
        : upToDate(plan),
      MemoryExamination.examine(),
      yield* verified(plan)
    ]
  })

const configuration = (
  warnings: readonly string[],
  settings: Settings,
  catalog: Catalog
): Diagnosis.Diagnosis => {
  const left = leftFiles(settings, catalog)
  if (warnings.length + left.length === 0) return Diagnosis.ok("configuration", "every line is understood")
  const advice = [
    ...(warnings.length === 0 ? [] : [HOW_TO_FIX]),
    ...(left.length === 0 ? [] : ["oci-systemd disable IMAGE removes what enabled an image that is gone"])
  ]
  return Diagnosis.warning("configuration", lines([...warnings, ...left]), advice.join("; "))
}

/** Returns a sentence for each file of `enable` whose image is gone. */
const leftFiles = ({ rules }: Settings, { images }: Catalog): readonly string[] =>
  rules.flatMap(({ pattern, place: { file } }) =>
    EnablingFile.isName(file.slice(file.lastIndexOf("/") + 1)) &&
    !images.some((image) => ImagePattern.matches(pattern, image.context.name) && isImage(image))
      ? [`${file} enables ${pattern}, which is gone`]
      : []
  )

/** Joins printable lines. */
const lines = (all: readonly string[]): string => all.map(Printable.line).join("\n")

const HOW_TO_FIX = "fix or remove the lines and files named above"

const images = ({ warnings }: Catalog, { images, problems, unread }: DryRun.Plan): Diagnosis.Diagnosis => {
  if (problems.length + warnings.length > 0) {
    const found = [
      ...(problems.length === 0 ? [] : [`${problems.length} of ${images} cannot run`]),
      ...(unread.length === 0 ? [] : [unreadOnes(unread.length)]),
      ...warnings
    ]
    const advice = [
      ...(problems.length === 0 ? [] : ["oci-systemd list shows why"]),
      ...(warnings.length === 0 ? [] : [HOW_TO_FIX])
    ]
    return Diagnosis.warning("images", lines(found), advice.join("; "))
  }
  return unread.length === 0
    ? Diagnosis.ok("images", `${images}, all can run`)
    : Diagnosis.skipped("images", unreadOnes(unread.length))
}

const unreadOnes = (count: number): string =>
  `${count} cannot be read by this user (permission): only root can tell`

const upToDate = (plan: DryRun.Plan): Diagnosis.Diagnosis => {
  if (plan.unread.length > 0)
    return Diagnosis.skipped("units", `among the images, ${unreadOnes(plan.unread.length)}`)
  if (!GeneratedUnits.isThere(GENERATOR_DIRECTORY))
    return Diagnosis.skipped("units", "systemd has no generated units on this machine")
  const count = DryRun.differences(GENERATOR_DIRECTORY, plan, { whole: true }).length
  return count === 0
    ? Diagnosis.ok("units", "systemd has the units that the generator would write now")
    : Diagnosis.warning(
        "units",
        `${count} ${count === 1 ? "file differs" : "files differ"} from what the generator would write now`,
        "systemctl daemon-reload; oci-systemd dry-run --diff shows them"
      )
}

/**
 * Checks the units with systemd-analyze, without the programs that they run: those are in roots where it does not
 * look.
 */
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
      ? Diagnosis.ok("unit files", `systemd-analyze verify accepts all ${files.length}`)
      : Diagnosis.warning(
          "unit files",
          `${complaints.length} complaints: ${first.slice(directory.length + 1)}`,
          "report this with the output of oci-systemd inspect IMAGE"
        )
  }).pipe(
    Effect.scoped,
    Effect.catchAll(({ message }) => Effect.succeed(Diagnosis.skipped("unit files", message)))
  )

/** Fails if there are problems. Warnings are not problems. */
export const requireWell = (diagnoses: readonly Diagnosis.Diagnosis[]): Effect.Effect<void, MachineUnfit> => {
  const checks = diagnoses.filter(Diagnosis.isProblem).map(({ check }) => check)
  return checks.length === 0 ? Effect.void : Effect.fail(new MachineUnfit({ checks }))
}

/** Messages about programs, which systemd-analyze looks for on the host. */
const ON_COMMANDS = /Command .* is not executable|Failed to (?:open|load) .*slice/
/** The most units that are checked, since systemd-analyze loads each of them. */
const MOST_UNITS = 200
