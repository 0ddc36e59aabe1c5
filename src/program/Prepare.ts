/**
 * What happens before an image's service starts, where that is more than to copy what is ready: its root, its volumes and
 * all that a start needs are made, and systemd is told to reload where the units it has are not those that the root's
 * facts give. `oci-prepare` then does the rest, as it does at every other start.
 */
import * as fs from "node:fs"
import { basename } from "node:path"
import * as Effect from "effect/Effect"
import * as HostFiles from "../domain/HostFiles.ts"
import * as ImageContext from "../domain/unit/ImageContext.ts"
import * as ImageProcess from "../domain/process/ImageProcess.ts"
import * as ImageUnits from "../domain/unit/ImageUnits.ts"
import * as OutputUnit from "../domain/unit/OutputUnit.ts"
import * as RootPaths from "../domain/unit/RootPaths.ts"
import type { RootTemplate } from "../domain/unit/RootTemplate.ts"
import type { Records } from "../domain/unit/UserRecord.ts"
import type { Volume } from "../domain/unit/ImageVolumes.ts"
import * as Durable from "../services/files/Durable.ts"
import { attempt, Extracts } from "../services/Extracts.ts"
import { NativeCalls } from "../services/files/NativeCalls.ts"
import * as RootLookup from "../services/root/RootLookup.ts"
import { RootStarter } from "../services/root/RootStarter.ts"
import * as ServiceManager from "../services/unit/ServiceManager.ts"
import * as UnitDirectory from "../services/unit/UnitDirectory.ts"
import { UserDatabase } from "../services/root/UserDatabase.ts"
import { Volumes } from "../services/Volumes.ts"
import type { CatalogImage } from "./Catalog.ts"
import * as Extract from "./Extract.ts"

export const prepare = (image: CatalogImage) =>
  Effect.gen(function* () {
    const { context } = image
    const { resolved, facts } = yield* Extract.extract(image)
    const roots = ImageContext.rootPaths(context, resolved)
    const process = yield* ImageProcess.fromConfig(resolved.config)
    const { volumes } = ImageContext.volumes(context, resolved, roots)
    for (const volume of volumes) yield* (yield* Volumes).ensure(volume, roots.lower)
    const units = yield* ImageUnits.render(context, resolved, facts)
    const identity = process.user === "" ? undefined : ImageProcess.identity(process, facts)
    const database = yield* UserDatabase
    const records =
      identity === undefined ? [] : yield* database.lacking(identity, context.host.servesRecords)
    yield* makeTemplate(units.template, { context, process, records, roots, volumes })
    if (context.settings.root === "persistent" && fs.existsSync(roots.overlay.upper)) {
      // The service may have removed it.
      yield* Effect.sync(() =>
        RootLookup.makeDirectory(roots.lower, roots.overlay.upper, process.workingDirectory)
      )
    }
    const manager = yield* ServiceManager.ServiceManager
    yield* manager.reloadUnlessKnown(units.files)
    yield* (yield* RootStarter)(units.template.argv)
    if (identity !== undefined) yield* database.check(identity)
  })

interface TemplateParts {
  readonly context: ImageContext.ImageContext
  readonly process: ImageProcess.ImageProcess
  readonly records: readonly Records[]
  readonly roots: RootPaths.RootPaths
  readonly volumes: readonly Volume[]
}

const makeTemplate = (template: RootTemplate, { context, process, records, roots, volumes }: TemplateParts) =>
  Effect.gen(function* () {
    const { copy } = yield* Volumes
    const calls = yield* NativeCalls
    const { lower } = roots
    yield* (yield* Extracts).template(template.path, (directory) =>
      Effect.gen(function* () {
        const scratch = `${directory}/scratch`
        const upper = `${scratch}/upper`
        yield* attempt("make a template", directory, () => {
          // An overlay shows the owner and mode of its upper directory as those of the root.
          const { gid, mode, uid } = fs.lstatSync(lower)
          for (const path of [scratch, upper, `${scratch}/work`]) Durable.makeDirectory(path, PRIVATE)
          fs.chownSync(upper, uid, gid)
          fs.chmodSync(upper, mode & 0o7777)
          RootLookup.makeDirectory(lower, upper, process.workingDirectory)
          if (context.settings.root === "readonly") makeMountPoints(lower, upper, volumes)
          const output = `${scratch}/${basename(OutputUnit.fifo(roots.overlay))}`
          calls.makeNode(Buffer.from(output), "fifo", OPEN_TO_WRITERS, 0, 0)
          // Whatever the umask was.
          fs.chmodSync(output, OPEN_TO_WRITERS)
          writeRecords(`${directory}/users`, records)
        })
        for (const writable of RootPaths.writables(roots.overlay, context.settings)) {
          const target = `${scratch}/${basename(writable.directory)}`
          yield* copy({ root: lower, path: writable.path, target, mode: writable.mode })
        }
        for (const unit of template.units) {
          yield* UnitDirectory.writeFile(`${scratch}/${RootPaths.UNITS}`, unit)
        }
      })
    )
  })

/** What systemd makes itself in a root that can be written. */
const makeMountPoints = (lower: string, upper: string, volumes: readonly Volume[]): void => {
  for (const path of MOUNTED_ON) RootLookup.makeDirectory(lower, upper, path)
  for (const { directory, path } of volumes) {
    if (RootLookup.isDirectory(directory)) RootLookup.makeDirectory(lower, upper, path)
    else RootLookup.makeFile(lower, upper, path)
  }
  for (const path of HostFiles.PATHS) RootLookup.makeFile(lower, upper, path)
}

/** One directory of all; none where there are none. */
const writeRecords = (directory: string, records: readonly Records[]): void => {
  if (records.length === 0) return
  Durable.makeDirectory(directory, PUBLIC)
  for (const { files, links } of records) {
    for (const { name, content } of files) fs.writeFileSync(`${directory}/${name}`, content, { mode: 0o644 })
    for (const { name, target } of links) fs.symlinkSync(target, `${directory}/${name}`)
  }
}

const PRIVATE = 0o700
const PUBLIC = 0o755

/** The service may be anybody, and opens it by the name of its own output. */
const OPEN_TO_WRITERS = 0o622

/** By `MountAPIVFS=`, `PrivateDevices=`, `PrivateTmp=` and our own binds. */
const MOUNTED_ON = ["/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp"]
