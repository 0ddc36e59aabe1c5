/** Every image below the layouts directory, with the names of its units and its settings, or why it cannot be used. */
import * as Effect from "effect/Effect"
import * as Enabling from "../domain/Enabling.ts"
import * as ImageContext from "../domain/ImageContext.ts"
import { display } from "../domain/ImageName.ts"
import type { ImageSettings } from "../domain/ImageSettings.ts"
import * as Platform from "../domain/Platform.ts"
import * as ResolvedImage from "../domain/ResolvedImage.ts"
import * as Settings from "../domain/Settings.ts"
import * as UnitName from "../domain/UnitName.ts"
import { sha256 } from "../services/Blobs.ts"
import * as HostFacts from "../services/HostFacts.ts"
import * as ImageResolution from "../services/ImageResolution.ts"
import * as Layouts from "../services/Layouts.ts"

/** An image that a layout names; nothing of it but its name was looked at yet. */
export interface CatalogImage {
  readonly context: ImageContext.ImageContext
  /** The layout's directory. */
  readonly layoutPath: string
  /** Reads the image's documents, each checked. */
  readonly resolve: Effect.Effect<ResolvedImage.ResolvedImage, ImageResolution.ImageError>
}

/** What is below a layouts directory. */
export interface Catalog {
  readonly images: readonly CatalogImage[]
  /** What was passed over or is odd, one sentence each. */
  readonly warnings: readonly string[]
}

/** Never fails: an image that cannot be used says so when it is resolved. */
export const load = (
  settings: Settings.Settings,
  host: ImageContext.UnitHost = HostFacts.unitHost(settings.system),
  platform: Platform.HostPlatform = HostFacts.platform()
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
    const clashes = Enabling.clashes(
      names.map(({ image: name, stem }) => ({ name, stem, settings: Settings.forImage(settings, name) }))
    )
    warnings.push(...clashes.values())
    const images = names.map(({ image, stem, collidesWith }, index): CatalogImage => {
      const entry = found[index]
      if (entry === undefined) throw new Error("as many names as images")
      if (collidesWith.length > 0) {
        warnings.push(
          `${display(image)} would have the same unit name as ${collidesWith.map(display).join(", ")}: it is ${UnitName.service(stem)}`
        )
      }
      const context = ImageContext.of(image, { settings, host, sha256, stem })
      const own = context.settings
      return {
        context: {
          ...context,
          settings: { ...own, alias: own.alias.filter((alias) => !clashes.has(alias)) }
        },
        layoutPath: entry.path,
        resolve:
          "error" in entry.reference
            ? Effect.fail(entry.reference.error)
            : ImageResolution.resolve(entry.path, entry.reference, machine(own, platform)).pipe(
                Effect.map((resolved) => ResolvedImage.withUser(resolved, own.user))
              )
      }
    })
    return { images, warnings }
  })

/** The machine that an image is chosen for: this one, unless its settings name another. */
const machine = ({ platform }: ImageSettings, host: Platform.HostPlatform): Platform.HostPlatform =>
  platform === undefined ? host : Platform.machineOf(platform)
