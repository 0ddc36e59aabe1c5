/** One image in a line. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Digest } from "../domain/document/Digest.ts"
import { display } from "../domain/naming/ImageName.ts"
import * as Platform from "../domain/image/Platform.ts"
import type { ResolvedImage } from "../domain/image/ResolvedImage.ts"
import * as UnitName from "../domain/naming/UnitName.ts"
import * as Extracts from "../services/Extracts.ts"
import * as Catalog from "./Catalog.ts"
import * as Render from "./Render.ts"

/** What cannot be known, of an image with a problem or by who asks, is `null`. */
export interface Summary {
  readonly image: string
  readonly unit: string | null
  readonly platform: string | null
  /** Bytes of its configuration and its layers, as they lie in the layout. */
  readonly size: number | null
  readonly manifest: Digest | null
  readonly extracted: boolean | null
  /** Does any unit start it? */
  readonly enabled: boolean
  readonly enabledBy: readonly string[]
  /** Why it cannot run. */
  readonly problem: string | null
}

export const of = (image: Catalog.CatalogImage): Effect.Effect<Summary> =>
  Effect.gen(function* () {
    const { context } = image
    const resolved = image.resolve()
    const { denied, problem } = yield* Render.image({ ...image, resolve: () => resolved })
    const isUnread = denied !== undefined && Either.isLeft(resolved)
    const reason = problem === undefined ? null : withoutName(problem, display(context.name))
    const enabledBy = [
      ...new Set([...context.settings.wantedby, ...context.settings.requiredby, ...context.settings.upheldby])
    ]
    return {
      image: Catalog.nameOf(image),
      unit: image.isHidden ? null : UnitName.service(context.stem),
      ...(Either.isRight(resolved) ? factsOf(image, resolved.right) : NO_FACTS),
      ...(isUnread ? { extracted: null } : {}),
      enabled: enabledBy.length > 0,
      enabledBy,
      problem: isUnread ? UNREAD : reason
    }
  })

const factsOf = (
  { context }: Catalog.CatalogImage,
  { chainId, config, manifest, manifestDigest }: ResolvedImage
) => ({
  platform: Platform.display(config),
  size: manifest.layers.reduce((sum, { size }) => sum + size, manifest.config.size),
  manifest: manifestDigest,
  extracted: Extracts.isThere(Extracts.rootDirectory(context.system.extractsdir, chainId))
})

/** Whether it can run is not known. */
const UNREAD = "cannot be read (permission)"

const NO_FACTS = { platform: null, size: null, manifest: null, extracted: false }

/** The generator's log has no other place for it. */
const withoutName = (problem: string, name: string): string =>
  problem.startsWith(`${name}: `) ? problem.slice(name.length + 2) : problem
