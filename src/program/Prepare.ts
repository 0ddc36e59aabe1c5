/**
 * What happens before an image's service starts: its root, its scratch and its user are made ready, and systemd is
 * told to reload where the unit it has is not the one that the root's facts give.
 */
import * as Effect from "effect/Effect"
import * as ImageContext from "../domain/ImageContext.ts"
import * as ImageProcess from "../domain/ImageProcess.ts"
import * as ImageUnits from "../domain/ImageUnits.ts"
import * as UnitName from "../domain/UnitName.ts"
import { Extracts } from "../services/Extracts.ts"
import * as MountTable from "../services/MountTable.ts"
import * as RootLookup from "../services/RootLookup.ts"
import * as ServiceManager from "../services/ServiceManager.ts"
import { UserDatabase } from "../services/UserDatabase.ts"
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
    const { upper } = yield* extracts.scratch(roots.overlay.name, {
      chainId: resolved.chainId,
      keep: context.settings.root === "persistent"
    })
    yield* Effect.sync(() => RootLookup.makeDirectory(roots.lower, upper, process.workingDirectory))
    const identity = ImageProcess.identity(process, facts)
    if (identity !== undefined && process.user !== "")
      yield* (yield* UserDatabase).ensure(identity, context.host.servesRecords)
    const units = yield* ImageUnits.render(context, resolved, facts)
    if (!ServiceManager.hasUnits(units.files)) yield* (yield* ServiceManager.ServiceManager).reload
  })
