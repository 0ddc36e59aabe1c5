/** An image's service: exactly its process, in its root and its sandbox. */
import * as Either from "effect/Either"
import type { ProcessConfig } from "../image/ImageConfig.ts"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import * as ExposedPorts from "../process/ExposedPorts.ts"
import { DEFAULT_PATH } from "../process/ImageCommand.ts"
import * as ImageProcess from "../process/ImageProcess.ts"
import type { Identity } from "../process/ImageUser.ts"
import type { RootFacts } from "../process/RootFacts.ts"
import * as StopSignal from "../process/StopSignal.ts"
import * as EnvironmentSettings from "../settings/EnvironmentSettings.ts"
import * as EnvironmentLine from "../systemd/EnvironmentLine.ts"
import * as ExecStart from "../systemd/ExecStart.ts"
import { type FeatureMissing, knows } from "../systemd/SystemdVersion.ts"
import { bind, inRoot, join, literal, path, type Unwritable } from "../systemd/UnitValue.ts"
import * as Capabilities from "./Capabilities.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import * as HealthUnits from "./HealthUnits.ts"
import * as ImageContext from "./ImageContext.ts"
import * as ImageLabels from "./ImageLabels.ts"
import * as ImageVolumes from "./ImageVolumes.ts"
import * as OutputUnit from "./OutputUnit.ts"
import * as Profile from "./Profile.ts"
import * as RootMounts from "./RootMounts.ts"
import * as RootPaths from "./RootPaths.ts"
import * as ServiceDevices from "./ServiceDevices.ts"
import * as ServiceIdentity from "./ServiceIdentity.ts"
import * as ServiceLimits from "./ServiceLimits.ts"
import * as ServiceNetwork from "./ServiceNetwork.ts"
import * as ServiceProcesses from "./ServiceProcesses.ts"
import * as ServiceSecrets from "./ServiceSecrets.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import * as StopUnit from "./StopUnit.ts"
import * as StubUnit from "./StubUnit.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"
import * as UnmappedFields from "./UnmappedFields.ts"

/** Parts that several of an image's units contain, or that its units and lists of them need. */
export interface ServiceParts {
  readonly roots: RootPaths.RootPaths
  readonly volumes: readonly ImageVolumes.Volume[]
  readonly notes: readonly string[]
  readonly unmapped: readonly UnmappedFields.UnmappedField[]
}

/**
 * Renders the service. If facts are missing, it is a stand-in that says so: prepare finds the facts and reloads
 * systemd before it can run.
 */
export const render = (
  context: ImageContext.ImageContext,
  image: ResolvedImage,
  process: ImageProcess.ImageProcess,
  facts: RootFacts,
  { roots, volumes, notes, unmapped }: ServiceParts
): Either.Either<UnitFile, ServiceError> => {
  const prepare = context.units.prepare
  const scratch = context.units.scratch
  const output = OutputUnit.isPiped(context) ? ` ${context.units.output}` : ""
  const before = literal(`${prepare} ${scratch}${output}`)
  const { settings, origins, host } = context
  const secret = ServiceSecrets.refused(settings, volumes)
  if (secret !== undefined) return Either.left(secret)
  const config = image.config.config ?? {}
  const inRoot = inRootDirectives(context, config, process, facts, roots, volumes)
  if (Either.isLeft(inRoot)) return Either.left(inRoot.left)
  const confined = confinement(context, image, process, facts)
  if (Either.isLeft(confined)) return Either.left(confined.left)
  const processes = ServiceProcesses.directives(context)
  if (Either.isLeft(processes)) return Either.left(processes.left)
  return Either.right({
    name: context.units.service,
    comments: [
      ...ImageContext.header(context.name),
      `Manifest: ${image.manifestDigest}`,
      ...origin(image),
      ...ports(config),
      ...fewVolumes(volumes),
      ...ServiceSecrets.comments(settings),
      ...[...walls(context, process, facts), ...fewNotes(notes)].map((note) => `Note: ${note}.`),
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
          ...wanted(context, process, facts)
        ]
      },
      {
        name: "Service",
        directives: [
          SharedDirectives.EXEC,
          SharedDirectives.SLICE,
          ...inRoot.right,
          ...unsetEnvironment(context, process, facts),
          directive("KillSignal", literal(process.stopSignal), stopSource(config)),
          ...stopStatus(process.stopSignal, stopSource(config)),
          ...processes.right,
          SharedDirectives.SIGPIPE,
          directive("SyslogIdentifier", literal(context.stem)),
          ...ServiceLimits.stopTimeout(config, settings, origins, ServiceProcesses.isolation(context)),
          ...(settings.restart === "no"
            ? []
            : [directive("Restart", literal(settings.restart), DirectiveSource.setting(origins, "restart"))]),
          ...ServiceLimits.directives(config),
          ...confined.right,
          ...ImageLabels.logFields(context.name, image, host.systemdVersion)
        ]
      }
    ]
  })
}

/** Why there is no service. */
export type ServiceError =
  | Unwritable
  | EnvironmentLine.EnvironmentRefused
  | FeatureMissing
  | Capabilities.CapabilityRefused
  | ServiceDevices.DeviceRefused
  | ServiceSecrets.SecretRefused

/** The units beside the service, which it needs for neither its start nor its work. */
const wanted = (
  context: ImageContext.ImageContext,
  process: ImageProcess.ImageProcess,
  facts: RootFacts
): readonly Directive[] => {
  const stop = StopUnit.name(context)
  const timer = HealthUnits.isChecked(context, process, facts) ? context.units.healthTimer : undefined
  return [stop, timer].filter((unit) => unit !== undefined).map((unit) => directive("Wants", literal(unit)))
}

/** Whether all facts of the root that the unit needs are known. */
export const isPrepared = (process: ImageProcess.ImageProcess, facts: RootFacts): boolean =>
  ImageProcess.path(process, facts) !== undefined && ImageProcess.identity(process, facts) !== undefined

/** Returns what the image asks for and does not get, or not in that form, one sentence each. */
export const notes = (
  context: ImageContext.ImageContext,
  image: ResolvedImage,
  process: ImageProcess.ImageProcess,
  facts: RootFacts,
  own: ImageVolumes.ImageVolumes
): readonly string[] => {
  const identity = ImageProcess.identity(process, facts)
  return [
    ...image.notes,
    ...process.notes,
    ...own.notes,
    ...ServiceLimits.notes(image.config.config ?? {}, context.settings),
    ...ServiceProcesses.initNotes(context, process.command.argv),
    ...(ImageProcess.healthPath(process, facts) === ""
      ? ["the health check's program is not in the image: no checks are made"]
      : []),
    ...closedDirectory(process, facts, [
      ...own.volumes,
      ...RootPaths.writables(ImageContext.rootPaths(context, image).overlay, context.settings)
    ]),
    ...(identity === undefined ? [] : ServiceIdentity.notes(context, identity)),
    ...ServiceNetwork.notes(context, exposed(image.config.config ?? {}), identity?.uid === 0)
  ]
}

/**
 * Returns a sentence if the user may not enter the working directory. Container engines change into it as root; systemd does so
 * as the user, and the service fails with 200/CHDIR. What is mounted at run time may have another mode than the image says.
 */
const closedDirectory = (
  process: ImageProcess.ImageProcess,
  facts: RootFacts,
  mounted: ReadonlyArray<{ readonly path: string }>
): readonly string[] => {
  const closed = ImageProcess.closedDirectory(process, facts)
  return closed === undefined || mounted.some(({ path }) => closed === path || closed.startsWith(`${path}/`))
    ? []
    : [
        `its user ${process.user.text} may not enter ${closed === process.workingDirectory ? "the working directory" : `${JSON.stringify(closed)}, on the way to the working directory`} ${JSON.stringify(process.workingDirectory)}, so it fails at each start with the status 200/CHDIR: give the image another WorkingDir, mode or owner, or set user =`
      ]
}

/**
 * Returns what a hostile image could do because this machine lacks a barrier, one sentence each. The sentences are the
 * same for all images of a machine: units, `inspect` and `doctor` contain them, and the generator does not log them at
 * each reload.
 */
export const walls = (
  context: ImageContext.ImageContext,
  process: ImageProcess.ImageProcess,
  facts: RootFacts
): readonly string[] => {
  const identity = ImageProcess.identity(process, facts)
  return identity === undefined
    ? []
    : [...ServiceProcesses.notes(context, identity.uid === 0), ...Capabilities.notes(context)]
}

/** Limits the notes to a readable number: an image may have hundreds of thousands. */
export const fewNotes = (all: readonly string[]): readonly string[] =>
  all.length <= MAX_NOTES
    ? all
    : [...all.slice(0, MAX_NOTES), `${all.length - MAX_NOTES} more notes are in oci-systemd inspect`]

/** Returns the process of the image; if facts are missing, one that says why it cannot run. */
const inRootDirectives = (
  context: ImageContext.ImageContext,
  config: ProcessConfig,
  process: ImageProcess.ImageProcess,
  facts: RootFacts,
  roots: RootPaths.RootPaths,
  volumes: readonly ImageVolumes.Volume[]
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
  const variables = environment(context, process, identity)
  if (Either.isLeft(variables)) return Either.left(variables.left)
  const devices = ServiceDevices.directives(context)
  if (Either.isLeft(devices)) return Either.left(devices.left)
  const output = OutputUnit.directives(context, roots.overlay)
  if (Either.isLeft(output)) return Either.left(output.left)
  return Either.right([
    directive("RootDirectory", root.right, OF_ROOTFS),
    directive("ExecStart", command.right, commandSource(context)),
    directive(
      "WorkingDirectory",
      directory.right,
      config.WorkingDir ? OF_WORKING_DIR : DirectiveSource.byDefault
    ),
    ...ServiceIdentity.directives(context, process.user, identity),
    ...variables.right,
    ...environmentFiles(context, process, roots),
    ...access(context, volumes),
    ...terminals(context, roots),
    ...devices.right,
    ...output.right
  ])
}

const OF_ROOTFS = DirectiveSource.image("rootfs")
const OF_COMMAND = DirectiveSource.image("Entrypoint", "Cmd")
const OF_WORKING_DIR = DirectiveSource.image("WorkingDir")
const OF_USER = DirectiveSource.image("User")
const OF_ENV = DirectiveSource.image("Env")

/** The command's source: where both keys are set, the lines of both. */
const commandSource = ({
  origins,
  settings: { command, entrypoint }
}: ImageContext.ImageContext): DirectiveSource.DirectiveSource => {
  const set = [
    ...(entrypoint === undefined ? [] : (["entrypoint"] as const)),
    ...(command === undefined ? [] : (["command"] as const))
  ]
  return set.length === 0 ? OF_COMMAND : DirectiveSource.settings(origins, set)
}

/** Returns the environment, with the two variables that every container engine adds. */
const environment = (
  context: ImageContext.ImageContext,
  process: ImageProcess.ImageProcess,
  identity: Identity
): Either.Either<readonly Directive[], EnvironmentLine.EnvironmentRefused> => {
  if (EnvironmentLine.isTooLong(process.environment)) return Either.left(EnvironmentLine.tooLong())
  const directives: Directive[] = []
  for (const assignment of variables(context, process, identity)) {
    const rendered = EnvironmentLine.render(assignment)
    if (Either.isLeft(rendered)) return Either.left(rendered.left)
    directives.push(directive("Environment", rendered.right, assignment.source))
  }
  return Either.right(directives)
}

interface Variable extends EnvironmentLine.Assignment {
  readonly source: DirectiveSource.DirectiveSource
}

/** The environment of the image's processes, in its order. */
export const variables = (
  { origins, settings }: Pick<ImageContext.ImageContext, "origins" | "settings">,
  process: ImageProcess.ImageProcess,
  identity: Identity
): readonly Variable[] => [
  ...[
    { name: "HOME", value: identity.home, source: OF_USER },
    { name: "PATH", value: DEFAULT_PATH, source: DirectiveSource.byDefault }
  ].filter(({ name }) => !sets(process, name)),
  ...process.environment.map(({ name, value }) => ({
    name,
    value,
    source: variableSource(origins, settings, name)
  }))
]

const variableSource = (
  origins: ImageContext.ImageContext["origins"],
  { env, secret }: Pick<ImageContext.ImageContext["settings"], "env" | "secret">,
  name: string
): DirectiveSource.DirectiveSource => {
  const path = secret.findLastIndex((each) => each.kind === "file" && each.variable === name)
  if (path >= 0) return DirectiveSource.entry(origins, "secret", path)
  const set = env.findIndex((variable) => variable.name === name)
  return set < 0 ? OF_ENV : DirectiveSource.entry(origins, "env", set)
}

const sets = ({ environment }: ImageProcess.ImageProcess, variable: string): boolean =>
  environment.some(({ name }) => name === variable)

/** The directives for files of variables, which systemd reads at each start, and whose variables replace all others. */
const environmentFiles = (
  context: ImageContext.ImageContext,
  process: ImageProcess.ImageProcess,
  { overlay }: RootPaths.RootPaths
): readonly Directive[] => [
  ...(hasVariableFiles(context) && foreignVariables(process).length > 0
    ? [directive("Environment", literal(marked(process)))]
    : []),
  ...variableFiles(context, overlay).map(({ file, source }) =>
    directive("EnvironmentFile", literal(file), source)
  )
]

/** The files of variables as `EnvironmentFile=` has them, in the order in which they count; that of secrets is the last. */
export const variableFiles = (
  context: Pick<ImageContext.ImageContext, "origins" | "settings">,
  overlay: RootPaths.Overlay
): ReadonlyArray<{ readonly file: string; readonly source: DirectiveSource.DirectiveSource }> => {
  const { origins, settings } = context
  const secrets = ServiceSecrets.environmentFile(settings, overlay)
  return [
    ...settings.envfile.map((file, index) => ({
      file: EnvironmentSettings.printFile(file),
      source: DirectiveSource.entry(origins, "envfile", index)
    })),
    ...(secrets === undefined ? [] : [{ file: secrets, source: ServiceSecrets.environmentSource(context) }])
  ]
}

const hasVariableFiles = ({ settings: { envfile, secret } }: ImageContext.ImageContext): boolean =>
  envfile.length > 0 || secret.some(({ kind }) => kind === "variable")

/**
 * Returns what keeps the host's variables out. `UnsetEnvironment=` counts after the files of variables, and a file may set such a
 * variable too. So if there are files, the variables have a value that no file gives them, and are only unset with this value.
 */
const unsetEnvironment = (
  context: ImageContext.ImageContext,
  process: ImageProcess.ImageProcess,
  facts: RootFacts
): readonly Directive[] => {
  const foreign = foreignVariables(process)
  const hasFiles = hasVariableFiles(context) && isPrepared(process, facts)
  return foreign.length === 0
    ? []
    : [directive("UnsetEnvironment", literal(hasFiles ? marked(process) : foreign.join(" ")))]
}

const foreignVariables = (process: ImageProcess.ImageProcess): readonly string[] =>
  ServiceIdentity.FOREIGN_VARIABLES.filter((name) => !sets(process, name))

const marked = (process: ImageProcess.ImageProcess): string =>
  foreignVariables(process)
    .map((name) => `${name}=${UNSET}`)
    .join(" ")

const UNSET = "(unset)"

/** Returns what the service may do, and what it sees of its host. */
const confinement = (
  context: ImageContext.ImageContext,
  image: ResolvedImage,
  process: ImageProcess.ImageProcess,
  facts: RootFacts
): Either.Either<readonly Directive[], Capabilities.CapabilityRefused> => {
  const { settings, host } = context
  const config = image.config.config ?? {}
  const opened = exposed(config)
  const isRoot = (ImageProcess.identity(process, facts)?.uid ?? 0) === 0
  const ofProfile = Profile.directives(settings.profile, {
    systemdVersion: host.systemdVersion,
    architecture: image.platform.architecture,
    privateUsers: ServiceProcesses.hasPrivateUsers(context, isRoot)
  })
  return Either.map(Capabilities.over(context, ofProfile, isRoot), (own) => [
    ...own,
    ...ServiceNetwork.directives(context, config, opened, isRoot),
    ...logSockets(context)
  ])
}

/**
 * Returns which mounts in its root (see `RootMounts`) the service may write to, and which not.
 *
 * The unit itself binds only volumes inside file systems of the kernel that systemd mounts, such as `/dev`: no image
 * can write there.
 */
const access = (
  context: ImageContext.ImageContext,
  volumes: readonly ImageVolumes.Volume[]
): readonly Directive[] => {
  const { origins, settings } = context
  const bySetting = DirectiveSource.setting(origins, "volume")
  const mounted = volumes.filter(({ path }) => !ImageVolumes.isOfTheKernel(path))
  const writable = [RootPaths.RUN, ...mounted.filter(({ readonly }) => !readonly).map(({ path }) => path)]
  return [
    ...volumes
      .filter(({ path }) => ImageVolumes.isOfTheKernel(path))
      .map(({ directory, path, readonly }) =>
        directive(readonly ? "BindReadOnlyPaths" : "BindPaths", bind(directory, path), bySetting)
      ),
    // What other file systems are mounted inside a volume is read-only too.
    ...mounted
      .filter(({ readonly }) => readonly)
      .map(({ path }) => directive("ReadOnlyPaths", inRoot(path), bySetting)),
    ...(Profile.isReadOnly(settings.profile)
      ? [
          directive(
            "ReadWritePaths",
            join([...new Set(writable)].map(inRoot)),
            DirectiveSource.profile(settings.profile)
          )
        ]
      : [])
  ]
}

/**
 * Returns what keeps the service from what `PrivateDevices=` leaves of the host's devices: terminals of its users, for
 * which the root has its own, and memory in large pages that programs of root share by files.
 */
const terminals = (
  { settings: { profile } }: ImageContext.ImageContext,
  { root }: RootPaths.RootPaths
): readonly Directive[] => {
  if (!RootMounts.hasOwnTerminals(profile)) return []
  const source = DirectiveSource.profile(profile)
  return [
    directive("BindPaths", bind(`${root}/${RootMounts.TERMINALS}`, "/dev/pts"), source),
    directive("InaccessiblePaths", literal("-+/dev/hugepages"), source)
  ]
}

/** Lists volumes, which no directive shows. The number is limited to what can be read. */
const fewVolumes = (volumes: readonly ImageVolumes.Volume[]): readonly string[] =>
  volumes
    .slice(0, MAX_NOTES)
    .map(({ directory, path, readonly }) => `Volume: ${path} is ${directory}${readonly ? ", read-only" : ""}`)

/** Unless told otherwise, systemd binds the sockets into the root from 257 on, and before that it does not. */
const logSockets = ({
  host: { systemdVersion },
  origins,
  settings: { logsockets }
}: ImageContext.ImageContext): readonly Directive[] => {
  const isKnown = knows(systemdVersion, "BindLogSockets")
  if (logsockets) return [isKnown ? BIND_LOG_SOCKETS : BIND_EACH_LOG_SOCKET]
  return isKnown
    ? [directive("BindLogSockets", literal("no"), DirectiveSource.setting(origins, "logsockets"))]
    : []
}

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
