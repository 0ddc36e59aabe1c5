/** Everything about one image, for people and for programs. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Digest } from "../domain/document/Digest.ts"
import * as DirectiveSource from "../domain/unit/DirectiveSource.ts"
import type { UnitLink } from "../domain/unit/Enabling.ts"
import * as ExtractsTree from "../domain/extracts/ExtractsTree.ts"
import type { HealthCheck } from "../domain/process/HealthCheck.ts"
import type { ImageConfig } from "../domain/image/ImageConfig.ts"
import * as ImageContext from "../domain/unit/ImageContext.ts"
import * as ImageProcess from "../domain/process/ImageProcess.ts"
import type { ResolvedImage } from "../domain/image/ResolvedImage.ts"
import type { UnitFile } from "../domain/unit/UnitFile.ts"
import * as UnitName from "../domain/naming/UnitName.ts"
import type { UnmappedField } from "../domain/unit/UnmappedFields.ts"
import type { Volume } from "../domain/unit/ImageVolumes.ts"
import * as Extracts from "../services/Extracts.ts"
import * as UnitDropIns from "../services/unit/UnitDropIns.ts"
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
  /** `null` where the image has none, or none is made. */
  readonly health: InspectedHealth | null
  /** Files of administrators that change the service, in the order in which systemd reads them. */
  readonly dropIns: readonly string[]
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

/** Times in milliseconds. */
export interface InspectedHealth extends Omit<HealthCheck, "command"> {
  readonly command: readonly string[]
  /** When it fails for good. */
  readonly action: "log" | "restart"
  readonly timer: string
}

export interface InspectedDirective {
  readonly unit: string
  readonly section: string
  readonly key: string
  /** As it stands in the unit. */
  readonly value: string
  readonly source: DirectiveSource.Facts
}

/** Of units that the extraction's facts change. */
export const NOT_FINAL =
  "units are final only after extraction, by oci-systemd extract or the first start: what they say of the root is not known before"

export const of = (listed: CatalogImage) =>
  Effect.gen(function* () {
    // Three parts ask for the documents; they are read once.
    const outcome = listed.resolve()
    const image = { ...listed, resolve: () => outcome }
    const resolved = yield* outcome
    const units = yield* Render.image(image)
    if (units.denied !== undefined) return yield* Effect.fail(units.denied)
    const { instead, ...replaced } = UnitDropIns.of(UnitName.service(image.context.stem))
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
      health: healthOf(image, resolved, units.files),
      ...replaced,
      notes: [
        ...units.notes,
        ...(units.isFinal ? [] : [NOT_FINAL]),
        ...(instead === undefined ? [] : [`${instead} counts instead of the generated unit`])
      ],
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

/** Of a check that has units: none is made where a setting says so, or its program is known to be missing. */
const healthOf = (
  { context }: CatalogImage,
  { config }: ResolvedImage,
  files: readonly UnitFile[]
): InspectedHealth | null => {
  const process = ImageProcess.fromConfig(config)
  const action = context.settings.health
  const timer = UnitName.health(context.stem, "timer", context.sha256)
  const isMade = files.some(({ name }) => name === timer)
  if (Either.isLeft(process) || process.right.health === undefined || action === "off" || !isMade) return null
  const { command, ...times } = process.right.health
  return { command: command.argv, ...times, action, timer }
}

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
