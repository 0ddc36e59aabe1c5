/** Everything about one image, for people and for programs. */
import * as Effect from "effect/Effect"
import type { Digest } from "../domain/Digest.ts"
import * as DirectiveSource from "../domain/DirectiveSource.ts"
import type { UnitLink } from "../domain/Enabling.ts"
import * as ExtractsTree from "../domain/ExtractsTree.ts"
import type { ImageConfig } from "../domain/ImageConfig.ts"
import * as ImageContext from "../domain/ImageContext.ts"
import type { ResolvedImage } from "../domain/ResolvedImage.ts"
import type { UnitFile } from "../domain/UnitFile.ts"
import type { UnmappedField } from "../domain/UnmappedFields.ts"
import type { Volume } from "../domain/Volumes.ts"
import * as Extracts from "../services/Extracts.ts"
import type { CatalogImage } from "./Catalog.ts"
import * as Render from "./Render.ts"
import * as Summary from "./Summary.ts"

export interface Inspection extends Summary.Summary {
  readonly layout: string
  readonly chainId: Digest
  /** Where the root is, or will be. */
  readonly root: string
  readonly layers: readonly InspectedLayer[]
  /** Of the manifest. */
  readonly annotations: Readonly<Record<string, string>>
  readonly config: ImageConfig
  /** Directories that outlive the root. */
  readonly volumes: readonly Volume[]
  readonly units: readonly string[]
  /** Every line of every unit, and who wants it. */
  readonly directives: readonly InspectedDirective[]
  /** Links that start it with other units, and its other names. */
  readonly links: readonly UnitLink[]
  /** What the image asks for and does not get, or not as it stands. */
  readonly notes: readonly string[]
  /** What its configuration says and no unit does, and why. */
  readonly unmapped: readonly UnmappedField[]
}

/** The lowest is the first. */
export interface InspectedLayer {
  readonly digest: Digest
  /** Of the uncompressed archive. */
  readonly diffId: Digest
  readonly mediaType: string
  /** Bytes in the layout. */
  readonly size: number
  /** It lies taken apart, for this image or for others; `null`: only root can tell. */
  readonly extracted: boolean | null
}

export interface InspectedDirective {
  readonly unit: string
  readonly section: string
  readonly key: string
  /** As it stands in the unit. */
  readonly value: string
  readonly source: DirectiveSource.Facts
}

export const of = (listed: CatalogImage) =>
  Effect.gen(function* () {
    // Three parts ask for the documents; they are read once.
    const outcome = listed.resolve()
    const image = { ...listed, resolve: () => outcome }
    const resolved = yield* outcome
    const units = yield* Render.image(image)
    if (units.denied !== undefined) return yield* Effect.fail(units.denied)
    return {
      ...(yield* Summary.of(image)),
      layout: image.layoutPath,
      chainId: resolved.chainId,
      root: Extracts.rootDirectory(image.context.system.extractsdir, resolved.chainId),
      layers: layersOf(image, resolved),
      annotations: resolved.manifest.annotations ?? {},
      config: resolved.config,
      volumes: ImageContext.volumes(image.context, resolved, ImageContext.rootPaths(image.context, resolved))
        .volumes,
      units: units.files.map(({ name }) => name),
      directives: directivesOf(units.files),
      links: units.links,
      notes: units.notes,
      unmapped: units.unmapped
    } satisfies Inspection
  })

const layersOf = (
  { context }: CatalogImage,
  { config, manifest }: ResolvedImage
): readonly InspectedLayer[] =>
  manifest.layers.map(({ digest, mediaType, size }, index) => {
    const diffId = config.rootfs.diff_ids[index] ?? digest
    const extracted = Extracts.isThere(`${context.system.extractsdir}/${ExtractsTree.layerOf(diffId)}`)
    return { digest, diffId, mediaType, size, extracted }
  })

const directivesOf = (files: readonly UnitFile[]): readonly InspectedDirective[] =>
  files.flatMap(({ name: unit, sections }) =>
    sections.flatMap(({ name: section, directives }) =>
      directives.map(({ key, value, source }) => ({
        unit,
        section,
        key,
        value,
        source: DirectiveSource.facts(source)
      }))
    )
  )
