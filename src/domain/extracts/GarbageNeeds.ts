/**
 * Decides which pieces of the extracts directory, and which directories of data, the existing images need.
 *
 * In doubt, files count as needed: everything that belongs to an image that cannot be read, or to a layout that
 * cannot be seen, is kept.
 */
import type { Digest, Sha256 } from "../document/Digest.ts"
import { display, type ImageName } from "../naming/ImageName.ts"
import * as ExtractsTree from "./ExtractsTree.ts"

/** The pieces that existing images need. */
export interface GarbageNeeds {
  /** Whether the piece at this path is needed. */
  readonly has: (path: string) => boolean
  /** Names of directories below `scratch` and `volumesdir` that belong to images that exist or may exist. */
  readonly directories: ReadonlySet<string>
  /** Images of which everything is kept, and why. */
  readonly held: ReadonlyMap<string, string>
}

/** The facts about images, and about the links to their extracted files. */
export interface NeedFacts {
  /** Images in layouts, each with a name of its own. */
  readonly images: readonly ImageFacts[]
  /** Links with the names of other images. */
  readonly others: readonly OtherName[]
}

export interface ImageFacts {
  readonly name: ImageName
  /**
   * Names of its directories under all its unit names: if it began or ceased to share its name with another
   * image, its data is under the earlier one.
   */
  readonly directories: readonly string[]
  readonly content: ReadableImage | UnreadableImage
}

/** The parts of an image's documents that decide what it needs. */
export interface ReadableImage {
  readonly chainId: Digest
  readonly diffIds: readonly Digest[]
  readonly config: Digest
  /** Names the facts of its root: the result of `ImageOverrides.question`. */
  readonly question: string
}

/** An image whose documents cannot be read. */
export interface UnreadableImage {
  readonly reason: string
  /** The targets of the links with its name; `undefined` if there are no such links. */
  readonly links: NameLinks | undefined
}

/** The targets of the two links of a name, as paths below the extracts directory. */
export interface NameLinks {
  readonly config: string | undefined
  readonly root: LinkedRoot | undefined
}

export interface LinkedRoot {
  readonly path: string
  /** The chain id that the path contains, if it has the form of one. */
  readonly chainId: Digest | undefined
  /** The layers that the record of the root names; none if the record cannot be read. */
  readonly diffIds: readonly Digest[]
}

/** A directory of links whose image is in no layout that was found. */
export interface OtherName {
  /** The directory below the extracts directory. */
  readonly path: string
  /** The image, unless its name is shortened in the path. */
  readonly name: ImageName | undefined
  /** Names of the directories of the image; none if its name is not known. */
  readonly directories: readonly string[]
  /** Whether the image is gone for good, and not only out of sight. */
  readonly isGone: boolean
  readonly links: NameLinks
}

export const of = ({ images, others }: NeedFacts, sha256: Sha256): GarbageNeeds => {
  const paths = new Set<string>()
  const prefixes: string[] = []
  const directories = new Set<string>()
  const held = new Map<string, string>()
  const keep = (all: readonly string[]): void => {
    for (const path of all) paths.add(path)
  }
  const keepDirectories = (names: readonly string[]): void => {
    for (const name of names) directories.add(name)
  }
  const hold = (at: string, links: NameLinks): void => {
    keep([...linksIn(at), ...pathsOfRoot(links.root)])
    if (links.config === undefined) return
    paths.add(links.config)
    prefixes.push(`${ExtractsTree.FACTS}/${links.config.slice(ExtractsTree.CONFIGS.length + 1)}-`)
  }
  for (const { content, directories, name } of images) {
    keepDirectories(directories)
    const at = ExtractsTree.nameOf(name, sha256)
    if (!("reason" in content)) keep([...linksIn(at), ...pathsOf(content, sha256)])
    else if (content.links !== undefined) {
      held.set(display(name), content.reason)
      hold(at, content.links)
    }
  }
  for (const { directories, isGone, links, name, path } of others) {
    if (isGone) continue
    held.set(name === undefined ? path : display(name), "its layout cannot be seen")
    keepDirectories(directories)
    hold(path, links)
  }
  for (const directory of directories) {
    paths.add(ExtractsTree.scratchOf(directory, sha256))
    paths.add(ExtractsTree.templatesOf(directory, sha256))
  }
  return {
    has: (path) => paths.has(path) || prefixes.some((prefix) => path.startsWith(prefix)),
    directories,
    held
  }
}

const linksIn = (directory: string): readonly string[] => [
  `${directory}/${ExtractsTree.CONFIG_LINK}`,
  `${directory}/${ExtractsTree.ROOT_LINK}`
]

const pathsOf = (
  { chainId, config, diffIds, question }: ReadableImage,
  sha256: Sha256
): readonly string[] => [
  ...pathsOfRoot({ path: ExtractsTree.rootOf(chainId), chainId, diffIds }),
  ExtractsTree.configOf(config),
  ExtractsTree.factsOf(config, question, sha256)
]

/** Returns a root with all that is kept with it. */
const pathsOfRoot = (root: LinkedRoot | undefined): readonly string[] => {
  if (root === undefined) return []
  const { chainId, diffIds, path } = root
  return [
    path,
    ...(chainId === undefined ? [] : [ExtractsTree.recordOf(chainId), ExtractsTree.rootImageOf(chainId)]),
    ...diffIds.flatMap((diffId) => [ExtractsTree.layerOf(diffId), ExtractsTree.listingOf(diffId)])
  ]
}
