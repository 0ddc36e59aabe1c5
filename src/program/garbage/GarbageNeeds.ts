/** Finds the pieces of the extracts directory that the existing images need. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Digest, isDigest } from "../../domain/document/Digest.ts"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type { ResolvedImage } from "../../domain/image/ResolvedImage.ts"
import { display, type ImageName } from "../../domain/naming/ImageName.ts"
import * as UnitName from "../../domain/naming/UnitName.ts"
import * as ImageOverrides from "../../domain/settings/ImageOverrides.ts"
import type * as Settings from "../../domain/settings/Settings.ts"
import type { ImageContext } from "../../domain/unit/ImageContext.ts"
import * as RootPaths from "../../domain/unit/RootPaths.ts"
import * as ExtractRecord from "../../services/extracts/ExtractRecord.ts"
import type * as ExtractsInventory from "../../services/extracts/ExtractsInventory.ts"
import type * as GarbageFacts from "../../services/extracts/GarbageFacts.ts"
import { sha256 } from "../../services/layout/Blobs.ts"
import * as LayoutPresence from "../../services/layout/LayoutPresence.ts"
import type { Catalog } from "../Catalog.ts"

export interface Needs extends GarbageFacts.Needs {
  /** Images of which everything is kept, and why. */
  readonly held: ReadonlyMap<string, string>
}

export const of = (
  catalog: Catalog,
  settings: Settings.Settings,
  { pieces }: ExtractsInventory.Inventory
): Effect.Effect<Needs> =>
  Effect.gen(function* () {
    const { extractsdir, imagelayoutdir } = settings.system
    const paths = new Set<string>()
    const prefixes: string[] = []
    const directories = new Set<string>()
    const held = new Map<string, string>()
    const targets = new Map(pieces.map(({ path, target }) => [path, target]))
    const named = new Set(
      pieces.filter(({ kind }) => kind === "name").map(({ path }) => path.slice(0, path.lastIndexOf("/")))
    )

    /**
     * Keeps the directories of an image under all its names: if it began or ceased to share its name with another
     * image, its data is under the earlier one.
     */
    const keepDirectories = (name: ImageName): void => {
      for (const stem of UnitName.possible(name, sha256)) directories.add(RootPaths.nameOf(stem, sha256))
    }

    /** Keeps everything that the links of a name lead to. */
    const hold = (name: string) =>
      Effect.gen(function* () {
        paths.add(`${name}/${ExtractsTree.CONFIG_LINK}`).add(`${name}/${ExtractsTree.ROOT_LINK}`)
        const config = targets.get(`${name}/${ExtractsTree.CONFIG_LINK}`)
        const root = targets.get(`${name}/${ExtractsTree.ROOT_LINK}`)
        if (config !== undefined) {
          paths.add(config)
          prefixes.push(`${ExtractsTree.FACTS}/${config.slice(ExtractsTree.CONFIGS.length + 1)}-`)
        }
        if (root === undefined) return
        paths.add(root)
        const chainId = digestOf(root)
        if (chainId === undefined) return
        paths.add(ExtractsTree.recordOf(chainId)).add(ExtractsTree.rootImageOf(chainId))
        const record = yield* Effect.option(ExtractRecord.read(extractsdir, chainId))
        if (record._tag === "Some")
          for (const layer of record.value.layers) for (const path of pathsOfLayer(layer)) paths.add(path)
      })

    for (const image of catalog.images) {
      const { name, stem } = image.context
      directories.add(RootPaths.nameOf(stem, sha256))
      keepDirectories(name)
      const resolved = image.resolve()
      if (Either.isRight(resolved)) for (const path of pathsOf(image.context, resolved.right)) paths.add(path)
      else {
        const links = ExtractsTree.nameOf(name, sha256)
        if (named.has(links)) held.set(display(name), resolved.left.message)
        yield* hold(links)
      }
      named.delete(ExtractsTree.nameOf(name, sha256))
    }
    for (const path of named) {
      const name = ExtractsTree.imageOf(path, sha256)
      const gone =
        name === undefined
          ? catalog.warnings.length === 0 && !catalog.images.some(({ isHidden }) => isHidden)
          : LayoutPresence.isGone(imagelayoutdir, name.layout)
      if (gone) continue
      held.set(name === undefined ? path : display(name), "its layout cannot be seen")
      if (name !== undefined) keepDirectories(name)
      yield* hold(path)
    }
    for (const directory of directories) {
      paths.add(ExtractsTree.scratchOf(directory, sha256))
      paths.add(`${ExtractsTree.TEMPLATES}/${ExtractsTree.component(directory, sha256)}`)
    }
    return {
      has: (path) => paths.has(path) || prefixes.some((prefix) => path.startsWith(prefix)),
      directories,
      held
    }
  })

const pathsOf = (
  { name, settings }: Pick<ImageContext, "name" | "settings">,
  image: ResolvedImage
): readonly string[] => {
  const links = ExtractsTree.nameOf(name, sha256)
  const config = image.configDescriptor.digest
  return [
    ExtractsTree.rootOf(image.chainId),
    ExtractsTree.rootImageOf(image.chainId),
    ExtractsTree.recordOf(image.chainId),
    ...image.config.rootfs.diff_ids.flatMap(pathsOfLayer),
    ExtractsTree.configOf(config),
    ExtractsTree.factsOf(config, ImageOverrides.question(settings, image.config), sha256),
    `${links}/${ExtractsTree.CONFIG_LINK}`,
    `${links}/${ExtractsTree.ROOT_LINK}`
  ]
}

const pathsOfLayer = (diffId: Digest): readonly string[] => [
  ExtractsTree.layerOf(diffId),
  ExtractsTree.listingOf(diffId)
]

/** Returns the digest in a path whose last components are an algorithm, two digits, and all digits. */
const digestOf = (path: string): Digest | undefined => {
  const [, algorithm, hex] = /\/([a-z0-9]+)\/[0-9a-f]{2}\/([0-9a-f]+)$/.exec(path) ?? []
  const digest = `${algorithm}:${hex}`
  return isDigest(digest) ? digest : undefined
}
