/**
 * Removes what `Install` installed on a machine, and nothing else: no edited configuration, no layout, extract or
 * volume.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as InstallTree from "../domain/machine/InstallTree.ts"
import * as EnablingFile from "../domain/settings/EnablingFile.ts"
import * as AppArmor from "../domain/systemd/AppArmor.ts"
import * as HostProgram from "../services/host/HostProgram.ts"
import * as InstallRoot from "../services/install/InstallRoot.ts"
import * as Install from "./Install.ts"

export class NotInstalled extends Data.TaggedError("NotInstalled")<{
  readonly path: string
}> {
  override get message(): string {
    return `"oci-systemd install" installed nothing here: ${this.path} is missing or cannot be read`
  }

  get hint(): string {
    return "if a package installed this program, remove it with the package manager"
  }
}

export interface Removal {
  readonly files: readonly string[]
  readonly keepsConfiguration: boolean
  /** Files of `enable`, which are kept: after another installation the same images are enabled. */
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
  // Services stop while their units exist, so that they clean up after themselves.
  if (hasSystemd) yield* HostProgram.run("systemctl", "stop", "oci.slice")
  // Roots that are images are mounted in the extracts directory, which may be removed next. A process may still use one.
  if (hasSystemd) yield* Effect.ignore(HostProgram.run("systemctl", "stop", IMAGE_MOUNTS))
  // A pattern stands for the units that are loaded, which may be none.
  if (hasSystemd) yield* HostProgram.run("systemctl", "stop", "oci-remember.*")

  if (below === undefined && HostProgram.hasAppArmor())
    yield* Effect.ignore(HostProgram.run("apparmor_parser", "--remove", AppArmor.FILE))

  const codeCaches = InstallTree.codeCaches(prefix)
  const caches = (yield* root.list(codeCaches)).filter(InstallTree.isCodeCache)
  for (const cache of caches) yield* root.remove(`${codeCaches}/${cache}`)
  for (const file of manifest.files) yield* root.remove(file)
  const keepsConfiguration = yield* keeps(root, manifest.configuration)
  if (!keepsConfiguration) yield* root.remove(InstallTree.CONFIGURATION)
  // The record is removed last, so that a failed removal can be repeated.
  yield* root.remove(place)
  for (const directory of manifest.directories.toReversed()) yield* root.removeDirectory(directory)
  if (hasSystemd) yield* HostProgram.run("systemctl", "daemon-reload")
  const enabling = (yield* root.list(DROP_INS))
    .filter(EnablingFile.isName)
    .map((name) => `${DROP_INS}/${name}`)
  return { files: manifest.files, keepsConfiguration, enabling } satisfies Removal
})

/** The units that systemd has of mounted images (`ExtractsTree.mountOf`). */
const IMAGE_MOUNTS = "*-images-sha256-*-root.mount"

/** The directory to which `enable` writes. */
const DROP_INS = `${InstallTree.CONFIGURATION}.d`

/** Whether the configuration is kept, because it was edited or is not ours. */
const keeps = (root: InstallRoot.InstallRoot, written: string | null) =>
  Effect.map(
    root.read(InstallTree.CONFIGURATION),
    (content) => content !== undefined && InstallRoot.digest(content) !== written
  )
