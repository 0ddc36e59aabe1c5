/**
 * The unit files of one image: its service, the mount of its root, the oneshot that prepares both, and the unit that
 * clears up behind an ephemeral root.
 *
 * Start: scratch, prepare, mount, service. Stop: the reverse. prepare is inactive once it is done, so that it runs at
 * every start; were it to stay active, a start right after a stop would find it still there and skip it.
 */
import * as Either from "effect/Either"
import type { Sha256 } from "./Digest.ts"
import * as EnvironmentLine from "./EnvironmentLine.ts"
import * as ExecStart from "./ExecStart.ts"
import { display, type ImageName } from "./ImageName.ts"
import * as ImageProcess from "./ImageProcess.ts"
import type { ResolvedImage } from "./ResolvedImage.ts"
import type { RootFacts } from "./RootFacts.ts"
import * as RootPaths from "./RootPaths.ts"
import { sandbox } from "./Sandbox.ts"
import type { ImageSettings, SystemSettings } from "./Settings.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "./UnitName.ts"
import { join, literal, path, prose, type UnitValue, type Unwritable, word } from "./UnitValue.ts"

/** What the units need to know of the machine. */
export interface UnitHost {
  readonly systemdVersion: number
  /** Runs `oci-systemd`, from absolute paths: the units' `prepare` is appended. */
  readonly cli: readonly [string, ...string[]]
  /** The configuration file, when it is not the default one: `prepare` must read the same. */
  readonly configFile: string | undefined
}

export interface ImageContext {
  readonly name: ImageName
  readonly stem: string
  readonly settings: ImageSettings
  readonly system: SystemSettings
  readonly host: UnitHost
  readonly sha256: Sha256
}

/** A symbolic link in the generator's directory: `multi-user.target.wants/U.service` → `../U.service`. */
export interface UnitLink {
  readonly path: string
  readonly target: string
}

export interface ImageUnits {
  readonly files: readonly UnitFile[]
  readonly links: readonly UnitLink[]
  /** What the image asks for and does not get. */
  readonly notes: readonly string[]
}

export type UnitsError = Unwritable | EnvironmentLine.EnvironmentRefused | ProcessError
type ProcessError =
  ReturnType<typeof ImageProcess.fromConfig> extends Either.Either<unknown, infer E> ? E : never

export const render = (
  context: ImageContext,
  image: ResolvedImage,
  facts: RootFacts
): Either.Either<ImageUnits, UnitsError> =>
  Either.gen(function* () {
    const process = yield* ImageProcess.fromConfig(image.config)
    const roots = rootPaths(context, image)
    const service = yield* serviceUnit(context, image, process, facts, roots)
    const files = [
      service,
      mountUnit(context, roots),
      yield* prepareUnit(context),
      ...(clears(context) ? [yield* scratchUnit(context, roots.overlay.scratch)] : [])
    ]
    return { files, links: enablingLinks(context), notes: process.notes }
  })

/** In place of an image that cannot run: its start fails at once and says why. */
export const stub = (
  context: Omit<ImageContext, "settings" | "host" | "system">,
  reason: string
): UnitFile => ({
  name: UnitName.service(context.stem),
  comments: header(context.name),
  sections: [
    {
      name: "Unit",
      directives: [directive("Description", prose(`${display(context.name)} (cannot run: ${reason})`))]
    },
    { name: "Service", directives: failing(`${display(context.name)} cannot run: ${reason}`) }
  ]
})

export const rootPaths = (
  context: Pick<ImageContext, "stem" | "settings" | "system" | "sha256">,
  image: Pick<ResolvedImage, "chainId">
) =>
  RootPaths.of(
    {
      extractsdir: context.system.extractsdir,
      chainId: image.chainId,
      stem: context.stem
    },
    context.sha256
  )

const header = (name: ImageName): readonly string[] => [
  `Made by oci-systemd-generator from the image ${display(name)}, and made anew at every daemon-reload.`,
  "Changes belong in a drop-in: systemctl edit UNIT"
]

const serviceUnit = (
  context: ImageContext,
  image: ResolvedImage,
  process: ImageProcess.ImageProcess,
  facts: RootFacts,
  roots: RootPaths.RootPaths
): Either.Either<UnitFile, UnitsError> =>
  Either.gen(function* () {
    const prepare = UnitName.prepare(context.stem, context.sha256)
    const executable = ImageProcess.path(process, facts)
    const identity = ImageProcess.identity(process, facts)
    const known = executable !== undefined && identity !== undefined
    const scratch = clears(context) ? [UnitName.scratch(context.stem, context.sha256)] : []
    const mount = UnitName.mount(roots.root)
    const named = new Set(process.environment.map((assignment) => assignment.name))
    const environment = [
      ...(identity === undefined || named.has("HOME") ? [] : [{ name: "HOME", value: identity.home }]),
      ...process.environment
    ]
    return {
      name: UnitName.service(context.stem),
      comments: [
        ...header(context.name),
        `Manifest: ${image.manifestDigest}`,
        ...process.notes.map((note) => `Note: ${note}.`)
      ],
      sections: [
        {
          name: "Unit",
          directives: [
            directive("Description", description(context.name, image)),
            ...documentation(image),
            ...sourcePath(context),
            directive("Requires", literal(join2(prepare, ...scratch))),
            directive("After", literal(join2(prepare, ...scratch, mount))),
            directive("BindsTo", literal(mount))
          ]
        },
        {
          name: "Service",
          directives: [
            directive("Type", literal("exec")),
            directive("Slice", literal("oci.slice")),
            ...(known
              ? [
                  directive("RootDirectory", yield* path("the root", roots.root)),
                  ...(yield* processDirectives(process, executable, identity))
                ]
              : failing(UNPREPARED)),
            // Without a root this runs the host's shell: no LD_PRELOAD of the image's there.
            ...(yield* Either.all((known ? environment : []).map(EnvironmentLine.render))).map((value) =>
              directive("Environment", value)
            ),
            ...unsetEnvironment(identity !== undefined && process.user !== "", named),
            directive("KillSignal", literal(process.stopSignal)),
            directive("KillMode", literal("mixed")),
            ...sandbox(context.host.systemdVersion)
          ]
        }
      ]
    } satisfies UnitFile
  })

const processDirectives = (
  process: ImageProcess.ImageProcess,
  executable: string,
  identity: { readonly uid: number; readonly gid: number; readonly supplementaryGids: readonly number[] }
): Either.Either<readonly Directive[], Unwritable> =>
  Either.gen(function* () {
    return [
      directive("ExecStart", yield* ExecStart.render(executable, process.command.argv)),
      directive("WorkingDirectory", yield* path("the working directory", process.workingDirectory)),
      ...(process.user === ""
        ? []
        : [
            directive("User", literal(`${identity.uid}`)),
            directive("Group", literal(`${identity.gid}`)),
            ...(identity.supplementaryGids.length === 0
              ? []
              : [directive("SupplementaryGroups", literal(identity.supplementaryGids.join(" ")))])
          ])
    ]
  })

/** What systemd sets from the *host's* user database, and the image does not. */
const unsetEnvironment = (hasUser: boolean, named: ReadonlySet<string>): readonly Directive[] => {
  const foreign = ["USER", "LOGNAME", "SHELL"].filter((name) => !named.has(name))
  return hasUser && foreign.length > 0 ? [directive("UnsetEnvironment", literal(foreign.join(" ")))] : []
}

const description = (name: ImageName, image: ResolvedImage): UnitValue => {
  const title = annotation(image, "org.opencontainers.image.title")
  return prose(title === undefined ? display(name) : `${title} (${display(name)})`)
}

/** `Documentation=` takes these schemes only (systemd.unit(5)); what else a label holds is left out. */
const documentation = (image: ResolvedImage): readonly Directive[] => {
  const links = ["documentation", "url", "source"]
    .map((key) => annotation(image, `org.opencontainers.image.${key}`))
    .filter((link): link is string => link !== undefined && DOCUMENTATION_LINK.test(link))
  return links.length === 0 ? [] : [directive("Documentation", literal([...new Set(links)].join(" ")))]
}

const annotation = (image: ResolvedImage, key: string): string | undefined =>
  (image.manifest.annotations?.[key] ?? image.config.config?.Labels?.[key])?.trim() || undefined

const sourcePath = (context: ImageContext): readonly Directive[] => {
  const source = path("the layout", `${context.system.imagelayoutdir}/${context.name.layout}`)
  return Either.isRight(source) ? [directive("SourcePath", source.right)] : []
}

/** Overlay options are separated by `,` and lower directories by `:`; `Settings` keeps both out of these paths. */
const mountUnit = (context: ImageContext, { root, lower, overlay }: RootPaths.RootPaths): UnitFile => {
  const service = UnitName.service(context.stem)
  const prepare = UnitName.prepare(context.stem, context.sha256)
  return {
    name: UnitName.mount(root),
    comments: header(context.name),
    sections: [
      {
        name: "Unit",
        directives: [
          directive("Description", prose(`Writable root of ${display(context.name)}`)),
          ...sourcePath(context),
          // The default dependencies put a mount before local-fs.target, and prepare runs after it.
          directive("DefaultDependencies", literal("no")),
          directive("Conflicts", literal("umount.target")),
          directive("Before", literal("umount.target")),
          directive("Requires", literal(prepare)),
          directive(
            "After",
            literal(
              clears(context) ? join2(prepare, UnitName.scratch(context.stem, context.sha256)) : prepare
            )
          ),
          directive("PartOf", literal(service)),
          ...noStartLimit,
          directive("StopWhenUnneeded", literal("yes"))
        ]
      },
      {
        name: "Mount",
        directives: [
          directive("What", literal("overlay")),
          directive("Where", literal(root)),
          directive("Type", literal("overlay")),
          directive("Options", literal(`lowerdir=${lower},upperdir=${overlay.upper},workdir=${overlay.work}`))
        ]
      }
    ]
  }
}

const prepareUnit = (context: ImageContext): Either.Either<UnitFile, Unwritable> =>
  Either.gen(function* () {
    const { system, host } = context
    const service = UnitName.service(context.stem)
    const cli = yield* commandLine([
      ...host.cli,
      "prepare",
      ...(host.configFile === undefined ? [] : ["--config", host.configFile]),
      "--",
      UnitName.service(context.stem)
    ])
    return {
      name: UnitName.prepare(context.stem, context.sha256),
      comments: header(context.name),
      sections: [
        {
          name: "Unit",
          directives: [
            directive("Description", prose(`Prepare the root of ${display(context.name)}`)),
            ...sourcePath(context),
            directive("RequiresMountsFor", literal(join2(system.imagelayoutdir, system.extractsdir))),
            directive("PartOf", literal(service)),
            ...noStartLimit,
            ...(clears(context)
              ? ["Requires", "After"].map((key) =>
                  directive(key, literal(UnitName.scratch(context.stem, context.sha256)))
                )
              : [])
          ]
        },
        {
          name: "Service",
          directives: [
            directive("Type", literal("oneshot")),
            directive("Slice", literal("oci.slice")),
            directive("ExecStart", cli),
            directive("TimeoutStartSec", literal("infinity")),
            directive("SyslogIdentifier", literal("oci-systemd")),
            // Shows what prepare says in the service's own `systemctl status`.
            directive("LogExtraFields", yield* word("the unit", `OBJECT_SYSTEMD_UNIT=${service}`))
          ]
        }
      ]
    } satisfies UnitFile
  })

const scratchUnit = (context: ImageContext, scratch: string): Either.Either<UnitFile, Unwritable> =>
  Either.gen(function* () {
    return {
      name: UnitName.scratch(context.stem, context.sha256),
      comments: header(context.name),
      sections: [
        {
          name: "Unit",
          directives: [
            directive("Description", prose(`Scratch of ${display(context.name)}`)),
            ...sourcePath(context),
            directive("RequiresMountsFor", literal(context.system.extractsdir)),
            directive("PartOf", literal(UnitName.service(context.stem))),
            ...noStartLimit,
            directive("StopWhenUnneeded", literal("yes"))
          ]
        },
        {
          name: "Service",
          directives: [
            directive("Type", literal("oneshot")),
            directive("RemainAfterExit", literal("yes")),
            directive("Slice", literal("oci.slice")),
            directive("ExecStop", yield* commandLine(["/bin/rm", "-rf", "--", scratch])),
            directive("TimeoutStopSec", literal("infinity"))
          ]
        }
      ]
    } satisfies UnitFile
  })

/** How often it may start is the service's to say; these follow it. */
const noStartLimit = [directive("StartLimitIntervalSec", literal("0"))]

/** Only what is thrown away anyway is cleared. */
const clears = (context: ImageContext): boolean => context.settings.root === "ephemeral"

const commandLine = (argv: readonly string[]): Either.Either<UnitValue, Unwritable> =>
  ExecStart.render(argv[0] ?? "", argv)

const enablingLinks = (context: ImageContext): readonly UnitLink[] => {
  const service = UnitName.service(context.stem)
  return context.settings.wantedby.map((unit) => ({
    path: `${unit}.wants/${service}`,
    target: `../${service}`
  }))
}

/** A process that says why and fails. The reason is an argument, not part of the script. */
const failing = (reason: string): readonly Directive[] => {
  const sentence = word("the reason", reason.toWellFormed().replaceAll("\0", " "))
  const argument = Either.getOrElse(sentence, () => literal('"cannot run"'))
  return [
    directive(
      "ExecStart",
      join([
        literal("@:/bin/sh"),
        ...[`"sh"`, `"-c"`, `"printf '<3>%s\\n' \\"$1\\"; exit 1"`, `"sh"`].map(literal),
        argument
      ])
    ),
    directive("SyslogIdentifier", literal("oci-systemd-generator"))
  ]
}

const UNPREPARED =
  "the image's root is not prepared: its user or program is not known yet; run systemctl daemon-reload and start it again"
const DOCUMENTATION_LINK = /^(?:https?:\/\/|file:\/|info:|man:)[A-Za-z0-9:/?#[\]@!$&()*+,;=._~%-]+$/

const join2 = (...names: readonly string[]): string => names.join(" ")
