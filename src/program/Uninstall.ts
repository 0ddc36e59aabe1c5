/** Takes away what `Install` put on a machine, and nothing else: no configuration that was edited, no layout, extract or volume. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as EnablingFile from "../domain/settings/EnablingFile.ts"
import * as InstallTree from "../domain/machine/InstallTree.ts"
import * as HostProgram from "../services/host/HostProgram.ts"
import * as InstallRoot from "../services/install/InstallRoot.ts"
import * as Install from "./Install.ts"

export class NotInstalled extends Schema.TaggedError<NotInstalled>()("NotInstalled", {
  path: Schema.String
}) {
  override get message(): string {
    return `nothing is here that "oci-systemd install" put here: there is no ${this.path} that can be read`
  }

  get hint(): string {
    return "what a package installed, its package manager removes"
  }
}

export interface Removal {
  readonly files: readonly string[]
  readonly keepsConfiguration: boolean
  /** What `enable` wrote, and stays: whoever installs again finds the same images enabled. */
  readonly enabling: readonly string[]
}

export const uninstall = Effect.fn("Uninstall.uninstall")(function* (
  below: string | undefined,
  prefix: InstallTree.Prefix
) {
  const root = InstallRoot.make(below ?? "")
  const place = InstallTree.manifest(prefix)
  const manifest = yield* Install.readManifest(root, prefix)
  if (manifest === undefined) return yield* new NotInstalled({ path: `${below ?? ""}${place}` })
  const hasSystemd = below === undefined && HostProgram.hasSystemd()
  // While their units are there, so that they clear up after themselves.
  if (hasSystemd) yield* HostProgram.run("systemctl", "stop", "oci.slice")

  const codeCaches = InstallTree.codeCaches(prefix)
  const caches = (yield* root.list(codeCaches)).filter(InstallTree.isCodeCache)
  for (const cache of caches) yield* root.remove(`${codeCaches}/${cache}`)
  for (const file of manifest.files) yield* root.remove(file)
  const keepsConfiguration = yield* keeps(root, manifest.configuration)
  if (!keepsConfiguration) yield* root.remove(InstallTree.CONFIGURATION)
  // Last: what fails on the way can be done again.
  yield* root.remove(place)
  for (const directory of manifest.directories.toReversed()) yield* root.removeDirectory(directory)
  if (hasSystemd) yield* HostProgram.run("systemctl", "daemon-reload")
  const enabling = (yield* root.list(DROP_INS))
    .filter(EnablingFile.isName)
    .map((name) => `${DROP_INS}/${name}`)
  return { files: manifest.files, keepsConfiguration, enabling } satisfies Removal
})

/** Where `enable` writes. */
const DROP_INS = `${InstallTree.CONFIGURATION}.d`

/** Is the configuration one that was edited, or not ours? */
const keeps = (root: InstallRoot.InstallRoot, written: string | null) =>
  Effect.map(
    root.read(InstallTree.CONFIGURATION),
    (content) => content !== undefined && InstallRoot.digest(content) !== written
  )
