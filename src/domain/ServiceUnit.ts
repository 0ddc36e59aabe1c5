/** An image's service: its process, exactly, in its root and its sandbox. */
import * as Either from "effect/Either"
import * as DirectiveSource from "./DirectiveSource.ts"
import * as EnvironmentLine from "./EnvironmentLine.ts"
import * as ExecStart from "./ExecStart.ts"
import * as ExposedPorts from "./ExposedPorts.ts"
import * as HealthUnits from "./HealthUnits.ts"
import * as HostFiles from "./HostFiles.ts"
import { DEFAULT_PATH } from "./ImageCommand.ts"
import type { ProcessConfig } from "./ImageConfig.ts"
import * as ImageContext from "./ImageContext.ts"
import * as ImageLabels from "./ImageLabels.ts"
import * as ImageProcess from "./ImageProcess.ts"
import type { Identity } from "./ImageUser.ts"
import * as OutputUnit from "./OutputUnit.ts"
import * as Profile from "./Profile.ts"
import type { ResolvedImage } from "./ResolvedImage.ts"
import type { RootFacts } from "./RootFacts.ts"
import * as RootPaths from "./RootPaths.ts"
import * as ServiceIdentity from "./ServiceIdentity.ts"
import * as ServiceLimits from "./ServiceLimits.ts"
import * as ServiceNetwork from "./ServiceNetwork.ts"
import * as StubUnit from "./StubUnit.ts"
import { knows } from "./SystemdVersion.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "./UnitName.ts"
import { bind, literal, path, type Unwritable } from "./UnitValue.ts"
import * as UnmappedFields from "./UnmappedFields.ts"
import type { Volume } from "./Volumes.ts"

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
): Either.Either<UnitFile, Unwritable | EnvironmentLine.EnvironmentRefused> =>
  Either.gen(function* () {
    const prepare = UnitName.prepare(context.stem, context.sha256)
    const executable = ImageProcess.path(process, facts)
    const identity = ImageProcess.identity(process, facts)
    const scratch = UnitName.scratch(context.stem, context.sha256)
    const output =
      OutputUnit.isPiped(context, facts) === false ? "" : ` ${UnitName.output(context.stem, context.sha256)}`
    const { settings, origins, host } = context
    const config = image.config.config ?? {}
    return {
      name: UnitName.service(context.stem),
      comments: [
        ...ImageContext.header(context.name),
        `Manifest: ${image.manifestDigest}`,
        ...origin(image),
        ...ports(config),
        ...notes.map((note) => `Note: ${note}.`),
        ...UnmappedFields.comments(unmapped)
      ],
      sections: [
        {
          name: "Unit",
          directives: [
            ...ImageLabels.unitDirectives(context.name, image),
            ...ImageContext.sourcePath(context),
            directive("Requires", literal(`${prepare} ${scratch}${output}`)),
            directive("After", literal(`${prepare} ${scratch}${output}`)),
            ...(HealthUnits.isChecked(context, process, facts)
              ? [directive("Wants", literal(UnitName.health(context.stem, "timer", context.sha256)))]
              : [])
          ]
        },
        {
          name: "Service",
          directives: [
            directive("Type", literal("exec")),
            directive("Slice", literal("oci.slice")),
            ...(executable === undefined || identity === undefined
              ? StubUnit.failing(UNPREPARED)
              : [
                  directive(
                    "RootDirectory",
                    yield* path("the root", roots.root),
                    DirectiveSource.image("rootfs")
                  ),
                  ...(yield* processDirectives(config, process, executable)),
                  ...ServiceIdentity.directives(context, process.user, identity),
                  ...(yield* environment(process, identity)),
                  ...binds(context, volumes, roots),
                  ...(yield* OutputUnit.directives(context, facts, roots.overlay))
                ]),
            ...unsetEnvironment(process),
            directive("KillSignal", literal(process.stopSignal), stopSource(config)),
            directive("KillMode", literal("mixed")),
            ...ServiceLimits.stopTimeout(config, settings.profile, host.systemdVersion),
            ...(settings.restart === "no"
              ? []
              : [
                  directive("Restart", literal(settings.restart), DirectiveSource.setting(origins, "restart"))
                ]),
            ...ServiceLimits.directives(config),
            ...confinement(context, image, process, facts),
            ...ImageLabels.logFields(context.name, image)
          ]
        }
      ]
    } satisfies UnitFile
  })

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

const processDirectives = (
  config: ProcessConfig,
  process: ImageProcess.ImageProcess,
  executable: string
): Either.Either<readonly Directive[], Unwritable> =>
  Either.gen(function* () {
    return [
      directive(
        "ExecStart",
        yield* ExecStart.render(executable, process.command.argv),
        DirectiveSource.image("Entrypoint", "Cmd")
      ),
      directive(
        "WorkingDirectory",
        yield* path("the working directory", process.workingDirectory),
        config.WorkingDir ? DirectiveSource.image("WorkingDir") : DirectiveSource.byDefault
      )
    ]
  })

/** What an image does not say of these two, every engine says. */
const environment = (process: ImageProcess.ImageProcess, identity: Identity) =>
  Either.gen(function* () {
    const named = new Set(process.environment.map((assignment) => assignment.name))
    const added = [
      { name: "HOME", value: identity.home, source: DirectiveSource.image("User") },
      { name: "PATH", value: DEFAULT_PATH, source: DirectiveSource.byDefault }
    ].filter(({ name }) => !named.has(name))
    const own = process.environment.map((assignment) => ({
      ...assignment,
      source: DirectiveSource.image("Env")
    }))
    const directives: Directive[] = []
    for (const assignment of [...added, ...own]) {
      directives.push(directive("Environment", yield* EnvironmentLine.render(assignment), assignment.source))
    }
    return directives
  })

const unsetEnvironment = (process: ImageProcess.ImageProcess): readonly Directive[] => {
  const named = new Set(process.environment.map((assignment) => assignment.name))
  const foreign = ServiceIdentity.FOREIGN_VARIABLES.filter((name) => !named.has(name))
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
      setsTimeZone: process.environment.some(({ name }) => name === "TZ")
    }),
    ...(knows(host.systemdVersion, "BindLogSockets")
      ? [directive("BindLogSockets", literal("yes"))]
      : [directive("BindReadOnlyPaths", literal(LOG_SOCKETS.map((socket) => `-${socket}`).join(" ")))])
  ]
}

/** What is written to places of its own. */
const binds = (
  context: ImageContext.ImageContext,
  volumes: readonly Volume[],
  roots: RootPaths.RootPaths
): readonly Directive[] => [
  ...RootPaths.writables(roots.overlay, context.settings).map(({ directory, path }) =>
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

const origin = ({ config: { created, author } }: ResolvedImage): readonly string[] => [
  ...(created ? [`Created: ${created}`] : []),
  ...(author ? [`Author: ${author}`] : [])
]

const ports = (config: ProcessConfig): readonly string[] => {
  const opened = exposed(config)
  return opened.length === 0 ? [] : [`Ports: ${opened.map(ExposedPorts.display).join(", ")}`]
}

const UNPREPARED =
  "the image's root is not prepared: its user or program is not known yet; run systemctl daemon-reload and start it again"
const LOG_SOCKETS = [
  "/run/systemd/journal/socket",
  "/run/systemd/journal/dev-log",
  "/run/systemd/journal/stdout"
]
