/**
 * What happens before an image's service starts: its root, its scratch, its volumes and its user are made ready, and
 * systemd is told to reload where the unit it has is not the one that the root's facts give.
 */
import { chmodSync, rmSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as HealthUnits from "../domain/HealthUnits.ts"
import * as HostFiles from "../domain/HostFiles.ts"
import * as ImageContext from "../domain/ImageContext.ts"
import * as ImageProcess from "../domain/ImageProcess.ts"
import * as ImageUnits from "../domain/ImageUnits.ts"
import * as OutputUnit from "../domain/OutputUnit.ts"
import * as RootPaths from "../domain/RootPaths.ts"
import * as UnitName from "../domain/UnitName.ts"
import type { Volume } from "../domain/Volumes.ts"
import { Extracts, failing } from "../services/Extracts.ts"
import * as MountTable from "../services/MountTable.ts"
import { NativeCalls } from "../services/NativeCalls.ts"
import * as RootLookup from "../services/RootLookup.ts"
import * as ServiceManager from "../services/ServiceManager.ts"
import * as TreeRemoval from "../services/TreeRemoval.ts"
import { UserDatabase } from "../services/UserDatabase.ts"
import * as UserHolds from "../services/UserHolds.ts"
import { Volumes } from "../services/Volumes.ts"
import type { CatalogImage } from "./Catalog.ts"
import * as Extract from "./Extract.ts"

export const prepare = (image: CatalogImage) =>
  Effect.gen(function* () {
    const extracts = yield* Extracts
    const { context } = image
    const { resolved, facts } = yield* Extract.extract(image)
    const roots = ImageContext.rootPaths(context, resolved)
    const process = yield* ImageProcess.fromConfig(resolved.config)
    yield* MountTable.untilUnmounted(roots.root).pipe(
      Effect.catchTag("StillMounted", () =>
        Effect.flatMap(ServiceManager.ServiceManager, (manager) =>
          manager.renewMount({
            service: UnitName.service(context.stem),
            mount: UnitName.mount(roots.root),
            root: roots.root
          })
        )
      )
    )
    yield* extracts.scratch(roots.overlay.name, {
      chainId: resolved.chainId,
      keep: context.settings.root === "persistent"
    })
    yield* Effect.sync(() => {
      rmSync(HealthUnits.stateFile(roots.overlay), { force: true })
      RootLookup.makeDirectory(roots.lower, roots.overlay.upper, process.workingDirectory)
    })
    const { volumes } = ImageContext.volumes(context, resolved)
    for (const volume of volumes) yield* (yield* Volumes).ensure(volume, roots.lower)
    const writables = RootPaths.writables(roots.overlay, context.settings)
    for (const { directory, path, mode } of writables) {
      yield* TreeRemoval.remove(directory, (cause) => cause as NodeJS.ErrnoException).pipe(
        failing("remove what was written", directory)
      )
      yield* (yield* Volumes).copy({ root: roots.lower, path, target: directory, mode })
    }
    const output = OutputUnit.fifo(roots.overlay)
    const calls = yield* NativeCalls
    yield* Effect.sync(() => {
      rmSync(output, { force: true })
      calls.makeNode(Buffer.from(output), "fifo", OPEN_TO_WRITERS, 0, 0)
      // Whatever the umask was.
      chmodSync(output, OPEN_TO_WRITERS)
    })
    if (context.settings.root === "readonly") yield* makeMountPoints(roots, volumes)
    const identity = ImageProcess.identity(process, facts)
    if (identity !== undefined && process.user !== "") {
      const database = yield* UserDatabase
      const records = database.ensure(identity, context.host.servesRecords)
      yield* UserHolds.hold(calls, roots.overlay.name, identity, records)
    }
    const units = yield* ImageUnits.render(context, resolved, facts)
    if (!ServiceManager.hasUnits(units.files)) yield* (yield* ServiceManager.ServiceManager).reload
  })

/** What systemd makes itself in a root that can be written. */
const makeMountPoints = ({ lower, overlay: { upper } }: RootPaths.RootPaths, volumes: readonly Volume[]) =>
  Effect.sync(() => {
    for (const path of MOUNTED_ON) RootLookup.makeDirectory(lower, upper, path)
    for (const { directory, path } of volumes) {
      if (RootLookup.isDirectory(directory)) RootLookup.makeDirectory(lower, upper, path)
      else RootLookup.makeFile(lower, upper, path)
    }
    for (const path of HostFiles.PATHS) RootLookup.makeFile(lower, upper, path)
  })

/** The service may be anybody, and opens it by the name of its own output. */
const OPEN_TO_WRITERS = 0o622

/** By `MountAPIVFS=`, `PrivateDevices=`, `PrivateTmp=` and our own binds. */
const MOUNTED_ON = ["/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp"]
