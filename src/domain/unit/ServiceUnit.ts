/** An image's service: its process, exactly, in its root and its sandbox. */
import * as Either from "effect/Either"
import * as DirectiveSource from "./DirectiveSource.ts"
import * as EnvironmentLine from "../systemd/EnvironmentLine.ts"
import * as ExecStart from "../systemd/ExecStart.ts"
import * as ExposedPorts from "../process/ExposedPorts.ts"
import * as HealthUnits from "./HealthUnits.ts"
import * as HostFiles from "../HostFiles.ts"
import { DEFAULT_PATH } from "../process/ImageCommand.ts"
import type { ProcessConfig } from "../image/ImageConfig.ts"
import * as ImageContext from "./ImageContext.ts"
import * as ImageLabels from "./ImageLabels.ts"
import * as ImageProcess from "../process/ImageProcess.ts"
import type { Identity } from "../process/ImageUser.ts"
import * as OutputUnit from "./OutputUnit.ts"
import * as Profile from "./Profile.ts"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import type { RootFacts } from "../process/RootFacts.ts"
import * as RootPaths from "./RootPaths.ts"
import * as ServiceIdentity from "./ServiceIdentity.ts"
import * as ServiceLimits from "./ServiceLimits.ts"
import * as ServiceNetwork from "./ServiceNetwork.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import * as StopSignal from "../process/StopSignal.ts"
import * as StubUnit from "./StubUnit.ts"
import { knows } from "../systemd/SystemdVersion.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "../naming/UnitName.ts"
import { bind, literal, path, type Unwritable } from "../systemd/UnitValue.ts"
import * as UnmappedFields from "./UnmappedFields.ts"
import type { Volume } from "./ImageVolumes.ts"

/** What more than one of an image's units says, or its units and whoever lists them. */
export interface ServiceParts {
  readonly roots: RootPaths.RootPaths
  readonly volumes: readonly Volume[]
  readonly notes: readonly string[]
  readonly unmapped: readonly UnmappedFields.UnmappedField[]
}

/** Where the facts are missing, a stand-in that says so: prepare finds them and reloads before it could ever run. */
export const render = (
  context: ImageContext.ImageContext,
  image: ResolvedImage,
  process: ImageProcess.ImageProcess,
  facts: RootFacts,
  { roots, volumes, notes, unmapped }: ServiceParts
): Either.Either<UnitFile, ServiceError> => {
  const prepare = UnitName.prepare(context.stem, context.sha256)
  const scratch = UnitName.scratch(context.stem, context.sha256)
  const output =
    OutputUnit.isPiped(context, facts) === false ? "" : ` ${UnitName.output(context.stem, context.sha256)}`
  const before = literal(`${prepare} ${scratch}${output}`)
  const { settings, origins, host } = context
  const config = image.config.config ?? {}
  const inRoot = inRootDirectives(context, config, process, facts, roots, volumes)
  if (Either.isLeft(inRoot)) return Either.left(inRoot.left)
  return Either.right({
    name: UnitName.service(context.stem),
    comments: [
      ...ImageContext.header(context.name),
      `Manifest: ${image.manifestDigest}`,
      ...origin(image),
      ...ports(config),
      ...fewNotes(notes).map((note) => `Note: ${note}.`),
      ...UnmappedFields.comments(unmapped)
    ],
    sections: [
      {
        name: "Unit",
        directives: [
          ...ImageLabels.unitDirectives(context.name, image),
          ...ImageContext.sourcePath(context),
          directive("Requires", before),
          directive("After", before),
          ...(HealthUnits.isChecked(context, process, facts)
            ? [directive("Wants", literal(UnitName.health(context.stem, "timer", context.sha256)))]
            : [])
        ]
      },
      {
        name: "Service",
        directives: [
          SharedDirectives.EXEC,
          SharedDirectives.SLICE,
          ...inRoot.right,
          ...unsetEnvironment(process),
          directive("KillSignal", literal(process.stopSignal), stopSource(config)),
          ...stopStatus(process.stopSignal, stopSource(config)),
          KILL_MODE,
          ...ServiceLimits.stopTimeout(config, settings.profile, host.systemdVersion),
          ...(settings.restart === "no"
            ? []
            : [directive("Restart", literal(settings.restart), DirectiveSource.setting(origins, "restart"))]),
          ...ServiceLimits.directives(config),
          ...confinement(context, image, process, facts),
          ...ImageLabels.logFields(context.name, image, host.systemdVersion)
        ]
      }
    ]
  })
}

type ServiceError = Unwritable | EnvironmentLine.EnvironmentRefused

const KILL_MODE = directive("KillMode", literal("mixed"))

/** Is everything known that its unit must say of the root? */
export const isPrepared = (process: ImageProcess.ImageProcess, facts: RootFacts): boolean =>
  ImageProcess.path(process, facts) !== undefined && ImageProcess.identity(process, facts) !== undefined

/** What the image asks for and does not get, or not as it stands; one sentence each. */
export const notes = (
  context: ImageContext.ImageContext,
  image: ResolvedImage,
  process: ImageProcess.ImageProcess,
  facts: RootFacts,
  ofVolumes: readonly string[]
): readonly string[] => {
  const identity = ImageProcess.identity(process, facts)
  return [
    ...process.notes,
    ...ofVolumes,
    ...(ImageProcess.healthPath(process, facts) === ""
      ? ["the health check's program is not in the image: no checks are made"]
      : []),
    ...(identity === undefined ? [] : ServiceIdentity.notes(context, identity)),
    ...ServiceNetwork.notes(context, exposed(image.config.config ?? {}), identity?.uid === 0)
  ]
}

/** As many as anybody reads: an image may have hundreds of thousands. */
export const fewNotes = (all: readonly string[]): readonly string[] =>
  all.length <= MAX_NOTES
    ? all
    : [...all.slice(0, MAX_NOTES), `${all.length - MAX_NOTES} more notes are in oci-systemd inspect`]

/** The process as the image has it; the one that says why it cannot be, where facts are missing. */
const inRootDirectives = (
  context: ImageContext.ImageContext,
  config: ProcessConfig,
  process: ImageProcess.ImageProcess,
  facts: RootFacts,
  roots: RootPaths.RootPaths,
  volumes: readonly Volume[]
): Either.Either<readonly Directive[], ServiceError> => {
  const executable = ImageProcess.path(process, facts)
  const identity = ImageProcess.identity(process, facts)
  if (executable === undefined || identity === undefined) return Either.right(StubUnit.failing(UNPREPARED))
  const root = path("the root", roots.root)
  if (Either.isLeft(root)) return Either.left(root.left)
  const command = ExecStart.render(executable, process.command.argv)
  if (Either.isLeft(command)) return Either.left(command.left)
  const directory = path("the working directory", process.workingDirectory)
  if (Either.isLeft(directory)) return Either.left(directory.left)
  const variables = environment(process, identity)
  if (Either.isLeft(variables)) return Either.left(variables.left)
  const output = OutputUnit.directives(context, facts, roots.overlay)
  if (Either.isLeft(output)) return Either.left(output.left)
  return Either.right([
    directive("RootDirectory", root.right, OF_ROOTFS),
    directive("ExecStart", command.right, OF_COMMAND),
    directive(
      "WorkingDirectory",
      directory.right,
      config.WorkingDir ? OF_WORKING_DIR : DirectiveSource.byDefault
    ),
    ...ServiceIdentity.directives(context, process.user, identity),
    ...variables.right,
    ...binds(context, volumes, roots),
    ...output.right
  ])
}

const OF_ROOTFS = DirectiveSource.image("rootfs")
const OF_COMMAND = DirectiveSource.image("Entrypoint", "Cmd")
const OF_WORKING_DIR = DirectiveSource.image("WorkingDir")
const OF_USER = DirectiveSource.image("User")
const OF_ENV = DirectiveSource.image("Env")

/** What an image does not say of these two, every engine says. */
const environment = (
  process: ImageProcess.ImageProcess,
  identity: Identity
): Either.Either<readonly Directive[], EnvironmentLine.EnvironmentRefused> => {
  const added = [
    { name: "HOME", value: identity.home, source: OF_USER },
    { name: "PATH", value: DEFAULT_PATH, source: DirectiveSource.byDefault }
  ].filter(({ name }) => !sets(process, name))
  const own = process.environment.map(({ name, value }) => ({ name, value, source: OF_ENV }))
  const directives: Directive[] = []
  for (const assignment of [...added, ...own]) {
    const rendered = EnvironmentLine.render(assignment)
    if (Either.isLeft(rendered)) return Either.left(rendered.left)
    directives.push(directive("Environment", rendered.right, assignment.source))
  }
  return Either.right(directives)
}

const sets = ({ environment }: ImageProcess.ImageProcess, variable: string): boolean =>
  environment.some(({ name }) => name === variable)

const unsetEnvironment = (process: ImageProcess.ImageProcess): readonly Directive[] => {
  const foreign = ServiceIdentity.FOREIGN_VARIABLES.filter((name) => !sets(process, name))
  return foreign.length === 0 ? [] : [directive("UnsetEnvironment", literal(foreign.join(" ")))]
}

/** What it may do, and what it sees of its host. */
const confinement = (
  context: ImageContext.ImageContext,
  image: ResolvedImage,
  process: ImageProcess.ImageProcess,
  facts: RootFacts
): readonly Directive[] => {
  const { settings, host } = context
  const config = image.config.config ?? {}
  const opened = exposed(config)
  const isRoot = (ImageProcess.identity(process, facts)?.uid ?? 0) === 0
  return [
    ...Profile.directives(settings.profile, {
      systemdVersion: host.systemdVersion,
      architecture: image.config.architecture,
      needsLowPorts: ServiceNetwork.needsLowPorts(opened, isRoot)
    }),
    ...ServiceNetwork.directives(context, config, opened, isRoot),
    ...HostFiles.directives({
      states: facts.hostFiles,
      writable: settings.root !== "readonly",
      alone: ServiceNetwork.isolation(context, config) !== undefined,
      setsTimeZone: sets(process, "TZ")
    }),
    knows(host.systemdVersion, "BindLogSockets") ? BIND_LOG_SOCKETS : BIND_EACH_LOG_SOCKET
  ]
}

/** What is written to places of its own. Of two for one place systemd takes the first: a volume is asked for, and kept. */
const binds = (
  context: ImageContext.ImageContext,
  volumes: readonly Volume[],
  roots: RootPaths.RootPaths
): readonly Directive[] => [
  ...RootPaths.writables(roots.overlay, context.settings)
    .filter(({ path }) => !volumes.some((volume) => volume.path === path))
    .map(({ directory, path }) =>
      directive("BindPaths", bind(directory, path), DirectiveSource.setting(context.origins, "root"))
    ),
  ...volumes.map(({ directory, kind, path, readonly }) =>
    directive(
      readonly ? "BindReadOnlyPaths" : "BindPaths",
      bind(directory, path),
      kind === "own" ? DirectiveSource.image("Volumes") : DirectiveSource.setting(context.origins, "volume")
    )
  )
]

const exposed = (config: ProcessConfig) => ExposedPorts.parse(Object.keys(config.ExposedPorts ?? {})).ports

const stopSource = (config: ProcessConfig) =>
  config.StopSignal ? DirectiveSource.image("StopSignal") : DirectiveSource.byDefault

const stopStatus = (signal: string, source: DirectiveSource.DirectiveSource): readonly Directive[] => {
  const status = StopSignal.successStatus(signal)
  return status === undefined ? [] : [directive("SuccessExitStatus", literal(status), source)]
}

const origin = ({ config: { created, author } }: ResolvedImage): readonly string[] => [
  ...(created ? [`Created: ${created}`] : []),
  ...(author ? [`Author: ${author}`] : [])
]

const ports = (config: ProcessConfig): readonly string[] => {
  const opened = exposed(config)
  return opened.length === 0 ? [] : [`Ports: ${opened.map(ExposedPorts.display).join(", ")}`]
}

const MAX_NOTES = 100
const UNPREPARED =
  "the image's root is not prepared: its user or program is not known yet; run systemctl daemon-reload and start it again"
const BIND_LOG_SOCKETS = directive("BindLogSockets", literal("yes"))
const BIND_EACH_LOG_SOCKET = directive(
  "BindReadOnlyPaths",
  literal("-/run/systemd/journal/socket -/run/systemd/journal/dev-log -/run/systemd/journal/stdout")
)
