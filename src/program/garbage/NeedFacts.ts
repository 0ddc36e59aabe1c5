/** Collects the facts from which `GarbageNeeds` decides what the existing images need. */
import * as Either from "effect/Either"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type * as GarbageNeeds from "../../domain/extracts/GarbageNeeds.ts"
import type { ImageName } from "../../domain/naming/ImageName.ts"
import * as UnitName from "../../domain/naming/UnitName.ts"
import * as ImageOverrides from "../../domain/settings/ImageOverrides.ts"
import type * as Settings from "../../domain/settings/Settings.ts"
import * as RootPaths from "../../domain/unit/RootPaths.ts"
import * as ExtractRecord from "../../services/extracts/ExtractRecord.ts"
import type * as ExtractsInventory from "../../services/extracts/ExtractsInventory.ts"
import { sha256 } from "../../services/layout/Blobs.ts"
import * as LayoutPresence from "../../services/layout/LayoutPresence.ts"
import type { Catalog, CatalogImage } from "../Catalog.ts"

export const collect = (
  catalog: Catalog,
  settings: Settings.Settings,
  { pieces }: ExtractsInventory.Inventory
): GarbageNeeds.NeedFacts => {
  const { extractsdir, imagelayoutdir } = settings.system
  const targets = new Map(pieces.map(({ path, target }) => [path, target]))
  const named = new Set(
    pieces.filter(({ kind }) => kind === "name").map(({ path }) => path.slice(0, path.lastIndexOf("/")))
  )

  const linksOf = (at: string): GarbageNeeds.NameLinks => {
    const root = targets.get(`${at}/${ExtractsTree.ROOT_LINK}`)
    return {
      config: targets.get(`${at}/${ExtractsTree.CONFIG_LINK}`),
      root: root === undefined ? undefined : rootAt(extractsdir, root)
    }
  }

  const factsOf = ({
    context: { name, settings, stem },
    documents
  }: CatalogImage): GarbageNeeds.ImageFacts => {
    const at = ExtractsTree.nameOf(name, sha256)
    return {
      name,
      directories: [RootPaths.nameOf(stem, sha256), ...directoriesOf(name)],
      content: Either.match(documents(), {
        onLeft: ({ message }) => ({ reason: message, links: named.has(at) ? linksOf(at) : undefined }),
        onRight: ({ chainId, config, configDescriptor }) => ({
          chainId,
          diffIds: config.rootfs.diff_ids,
          config: configDescriptor.digest,
          question: ImageOverrides.question(settings, config)
        })
      })
    }
  }

  const ofImages = new Set(catalog.images.map(({ context }) => ExtractsTree.nameOf(context.name, sha256)))
  const allSeen = catalog.warnings.length === 0 && !catalog.images.some(({ isHidden }) => isHidden)
  const otherAt = (path: string): GarbageNeeds.OtherName => {
    const name = ExtractsTree.imageOf(path, sha256)
    return {
      path,
      name,
      directories: name === undefined ? [] : directoriesOf(name),
      isGone: name === undefined ? allSeen : LayoutPresence.isGone(imagelayoutdir, name.layout),
      links: linksOf(path)
    }
  }

  return {
    images: catalog.images.map(factsOf),
    others: [...named].filter((path) => !ofImages.has(path)).map(otherAt)
  }
}

/** Returns the names of an image's directories under all unit names that it may have had. */
const directoriesOf = (name: ImageName): readonly string[] =>
  UnitName.possible(name, sha256).map((stem) => RootPaths.nameOf(stem, sha256))

const rootAt = (extractsdir: string, path: string): GarbageNeeds.LinkedRoot => {
  const chainId = ExtractsTree.digestIn(path)
  const diffIds =
    chainId === undefined
      ? []
      : Either.match(ExtractRecord.read(extractsdir, chainId), {
          onLeft: () => [],
          onRight: ({ layers }) => layers
        })
  return { path, chainId, diffIds }
}
