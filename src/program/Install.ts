/** Installs the programs, their manual pages, completions, slice and configuration on a machine. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as InstallManifest from "../domain/machine/InstallManifest.ts"
import * as InstallTree from "../domain/machine/InstallTree.ts"
import * as DefaultConfiguration from "../domain/settings/DefaultConfiguration.ts"
import * as AppArmor from "../domain/systemd/AppArmor.ts"
import * as HostProgram from "../services/host/HostProgram.ts"
import * as InstallRoot from "../services/install/InstallRoot.ts"
import * as InstallSource from "../services/install/InstallSource.ts"

/**
 * The program is an installed one. It cannot be installed again from there, since manual pages, completions and the
 * slice are elsewhere.
 */
export class NothingToInstall extends Data.TaggedError("NothingToInstall")<{
  readonly place: string
}> {
  override get message(): string {
    return `this program is installed already, in ${this.place}`
  }

  get hint(): string {
    return "run install from the program to be installed: node dist/oci-systemd.cjs install, in a checkout"
  }
}

export interface Wanted {
  readonly source: InstallSource.InstallSource
  /** A directory with the file system tree of a machine; `undefined` for this machine. */
  readonly root: string | undefined
  readonly prefix: InstallTree.Prefix
  readonly version: string
}

export interface Installation {
  /** Files and links that are installed now. */
  readonly files: readonly string[]
  /** Whether a configuration is kept that another program wrote, or that was edited. */
  readonly keepsConfiguration: boolean
}

/** Installs. Files of an earlier version that this version does not have are removed. */
export const install = Effect.fn("Install.install")(function* (wanted: Wanted) {
  const { prefix, source, version } = wanted
  if (!source.isComplete) return yield* new NothingToInstall({ place: source.directory })
  const root = InstallRoot.make(wanted.root ?? "")
  const place = InstallTree.manifest(prefix)
  const before = yield* readManifest(root, prefix)
  const copies = source.files.flatMap((file) => {
    const to = InstallTree.destination(prefix, file.name)
    return to === undefined ? [] : [{ file, to }]
  })
  const links = InstallTree.links(prefix, source.suffix)
  const files = [...copies.map(({ to }) => to), ...links.map(([link]) => link)]

  const made = yield* Effect.forEach([...files, place, InstallTree.CONFIGURATION], root.missingDirectories)
  const missing = [...new Set(made.flat())].sort()
  const directories = [...new Set([...(before?.directories ?? []), ...missing])].sort()
  const note = (manifest: Pick<InstallManifest.InstallManifest, "files" | "configuration">) =>
    root.write(place, InstallManifest.print({ version, directories, ...manifest }), 0o644)
  yield* Effect.forEach(missing, root.makeDirectory)
  // The record is written before any file, so that an interrupted installation can be uninstalled.
  yield* note({
    files: [...new Set([...(before?.files ?? []), ...files])],
    configuration: before?.configuration ?? null
  })

  const first = new Map<string, string>()
  for (const { file, to } of copies) {
    const mode = file.isExecutable ? 0o755 : 0o644
    const script = wanted.root === undefined ? InstallSource.forThisNode(file) : undefined
    const other = file.identity === undefined ? undefined : first.get(file.identity)
    if (script !== undefined) yield* root.write(to, script, mode)
    else if (other !== undefined) yield* root.hardLink(to, other)
    else yield* root.copy(to, file.path, mode)
    if (file.identity !== undefined && other === undefined) first.set(file.identity, to)
  }
  for (const [link, target] of links) yield* root.link(link, target)
  const now = new Set(files)
  for (const file of before?.files ?? []) if (!now.has(file)) yield* root.remove(file)

  const configuration = yield* configure(root, before)
  yield* note({ files, configuration })
  if (wanted.root === undefined) yield* makeReady(wanted)
  return { files, keepsConfiguration: configuration === null } satisfies Installation
})

/** Makes this machine ready to run the programs. */
const makeReady = ({ prefix, source }: Wanted) =>
  Effect.gen(function* () {
    const cache = `.${process.version}-${process.arch}.cache`
    if (source.suffix === ".cjs" && !source.files.some(({ name }) => name.endsWith(cache))) {
      yield* HostProgram.run(process.execPath, `${InstallTree.programs(prefix)}/code-cache.cjs`)
    }
    // A profile that cannot be loaded is reported by doctor.
    if (HostProgram.hasAppArmor())
      yield* Effect.ignore(HostProgram.run("apparmor_parser", "--replace", AppArmor.FILE))
    if (HostProgram.hasSystemd()) yield* HostProgram.run("systemctl", "daemon-reload")
  })

/** Reads the record of an installation; `undefined` if nothing was installed. */
export const readManifest = (root: InstallRoot.InstallRoot, prefix: InstallTree.Prefix) =>
  Effect.map(root.read(InstallTree.manifest(prefix)), (content) =>
    content === undefined ? undefined : Option.getOrUndefined(InstallManifest.parse(content.toString()))
  )

/** Writes the configuration and returns its digest; `null` if an existing one is kept. */
const configure = (root: InstallRoot.InstallRoot, before: InstallManifest.InstallManifest | undefined) =>
  Effect.gen(function* () {
    const file = InstallTree.CONFIGURATION
    if (yield* root.exists(file)) {
      const content = yield* root.read(file)
      if (content === undefined || InstallRoot.digest(content) !== before?.configuration) return null
    }
    yield* root.write(file, DefaultConfiguration.TEXT, 0o644)
    return InstallRoot.digest(DefaultConfiguration.TEXT)
  })
