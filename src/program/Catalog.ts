/** Every image below the layouts directory, with the names of its units and its settings, or why it cannot be used. */
import * as Effect from "effect/Effect"
import type { ImageContext, UnitHost } from "../domain/ImageContext.ts"
import { display } from "../domain/ImageName.ts"
import type { HostPlatform } from "../domain/Platform.ts"
import type { ResolvedImage } from "../domain/ResolvedImage.ts"
import * as Settings from "../domain/Settings.ts"
import * as UnitName from "../domain/UnitName.ts"
import { sha256 } from "../services/Blobs.ts"
import * as ImageResolution from "../services/ImageResolution.ts"
import * as Layouts from "../services/Layouts.ts"

export interface CatalogImage {
  readonly context: ImageContext
  /** The layout's directory. */
  readonly layoutPath: string
  /** Reads the image's documents, each checked. */
  readonly resolve: Effect.Effect<ResolvedImage, ImageResolution.ImageError>
}

export interface Catalog {
  readonly images: readonly CatalogImage[]
  /** What was passed over or is odd, one sentence each. */
  readonly warnings: readonly string[]
}

export const load = (
  settings: Settings.Settings,
  host: UnitHost,
  platform: HostPlatform
): Effect.Effect<Catalog> =>
  Effect.gen(function* () {
    const { layouts, skipped } = yield* Layouts.find(settings.system.imagelayoutdir)
    const warnings = skipped.map(({ path, reason }) => `${path} ${reason}: skipped`)
    const found = (yield* Effect.forEach(layouts, ({ layout, path }) =>
      Layouts.references(path).pipe(
        Effect.match({
          onSuccess: (references) => references.map((reference) => ({ layout, path, reference })),
          onFailure: (error) => {
            warnings.push(`${layout}: ${error.message}`)
            return [{ layout, path, reference: { ref: "latest", error } }]
          }
        })
      )
    )).flat()
    const names = UnitName.assign(
      found.map(({ layout, reference }) => ({ layout, ref: reference.ref })),
      sha256
    )
    const images = names.map(({ image, stem, collidesWith }, index): CatalogImage => {
      const entry = found[index]
      if (entry === undefined) throw new Error("as many names as images")
      if (collidesWith.length > 0) {
        warnings.push(
          `${display(image)} would have the same unit name as ${collidesWith.map(display).join(", ")}: it is ${UnitName.service(stem)}`
        )
      }
      return {
        context: {
          name: image,
          stem,
          settings: Settings.forImage(settings, image),
          system: settings.system,
          host,
          sha256
        },
        layoutPath: entry.path,
        resolve:
          "error" in entry.reference
            ? Effect.fail(entry.reference.error)
            : ImageResolution.resolve(entry.path, entry.reference, platform)
      }
    })
    return { images, warnings }
  })
