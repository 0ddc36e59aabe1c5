/** An image's service: its process, exactly, in its root and its sandbox. */
import * as Either from "effect/Either"
import * as EnvironmentLine from "./EnvironmentLine.ts"
import * as ExecStart from "./ExecStart.ts"
import { clears, header, type ImageContext, sourcePath } from "./ImageContext.ts"
import { display, type ImageName } from "./ImageName.ts"
import * as ImageProcess from "./ImageProcess.ts"
import type { Identity } from "./ImageUser.ts"
import type { ResolvedImage } from "./ResolvedImage.ts"
import type { RootFacts } from "./RootFacts.ts"
import type { RootPaths } from "./RootPaths.ts"
import { sandbox } from "./Sandbox.ts"
import * as StubUnit from "./StubUnit.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "./UnitName.ts"
import { literal, path, prose, type UnitValue, type Unwritable } from "./UnitValue.ts"

/** Where the facts are missing, a stand-in that says so: prepare finds them and reloads before it could ever run. */
export const render = (
  context: ImageContext,
  image: ResolvedImage,
  process: ImageProcess.ImageProcess,
  facts: RootFacts,
  roots: RootPaths
): Either.Either<UnitFile, Unwritable | EnvironmentLine.EnvironmentRefused> =>
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
            directive("Requires", literal([prepare, ...scratch].join(" "))),
            directive("After", literal([prepare, ...scratch, mount].join(" "))),
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
              : StubUnit.failing(UNPREPARED)),
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
  identity: Identity
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

const UNPREPARED =
  "the image's root is not prepared: its user or program is not known yet; run systemctl daemon-reload and start it again"
const DOCUMENTATION_LINK = /^(?:https?:\/\/|file:\/|info:|man:)[A-Za-z0-9:/?#[\]@!$&()*+,;=._~%-]+$/
