/** Everything about one image, for people and for programs. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Digest } from "../domain/document/Digest.ts"
import * as ExtractsTree from "../domain/extracts/ExtractsTree.ts"
import type { ImageConfig } from "../domain/image/ImageConfig.ts"
import type { ResolvedImage } from "../domain/image/ResolvedImage.ts"
import type { HealthCheck } from "../domain/process/HealthCheck.ts"
import * as ImageProcess from "../domain/process/ImageProcess.ts"
import * as Settings from "../domain/settings/Settings.ts"
import * as DirectiveSource from "../domain/unit/DirectiveSource.ts"
import type { UnitLink } from "../domain/unit/Enabling.ts"
import * as ImageContext from "../domain/unit/ImageContext.ts"
import type { Volume } from "../domain/unit/ImageVolumes.ts"
import * as ServiceSecrets from "../domain/unit/ServiceSecrets.ts"
import type { UnitFile } from "../domain/unit/UnitFile.ts"
import type { UnmappedField } from "../domain/unit/UnmappedFields.ts"
import * as ExtractStore from "../services/extracts/ExtractStore.ts"
import * as ExtractsDirectory from "../services/extracts/ExtractsDirectory.ts"
import * as UnitDropIns from "../services/unit/UnitDropIns.ts"
import type { CatalogImage } from "./Catalog.ts"
import * as Render from "./Render.ts"
import * as Summary from "./Summary.ts"

export interface Inspection extends Summary.Summary {
  readonly layout: string
  /** The lines of the configuration that ask for the signature, as `FILE:LINE`; none if the image needs none. */
  readonly signedByPlaces: readonly string[]
  readonly chainId: Digest
  /** Where the root is, or will be. */
  readonly root: string
  readonly layers: readonly InspectedLayer[]
  /** The annotations of the manifest. */
  readonly annotations: Readonly<Record<string, string>>
  readonly config: ImageConfig
  /** Directories that outlive the root. */
  readonly volumes: readonly Volume[]
  /** Secrets that the configuration gives to the service: their names, and never their values. */
  readonly secrets: readonly ServiceSecrets.InspectedSecret[]
  readonly units: readonly string[]
  /** Every line of every unit, with its source. */
  readonly directives: readonly InspectedDirective[]
  /** Links that start the service with other units, and links for its other names. */
  readonly links: readonly UnitLink[]
  /** `null` if the image has no health check, or none is made. */
  readonly health: InspectedHealth | null
  /** Files of administrators that change the service, in the order in which systemd reads them. */
  readonly dropIns: readonly string[]
  /** What the image asks for and does not get, or not in that form. */
  readonly notes: readonly string[]
  /** Fields of the image's configuration without an effect, and why. */
  readonly unmapped: readonly UnmappedField[]
}

/** A layer. The lowest comes first. */
export interface InspectedLayer {
  readonly digest: Digest
  /** The digest of the uncompressed archive. */
  readonly diffId: Digest
  readonly mediaType: string
  /** Bytes in the layout. */
  readonly size: number
  /** Whether the layer is in the layer store, for this image or for others; `null` if only root can tell. */
  readonly extracted: boolean | null
}

/** The health check. Times are in milliseconds. */
export interface InspectedHealth extends Omit<HealthCheck, "command"> {
  readonly command: readonly string[]
  /** What happens when the service becomes unhealthy. */
  readonly action: "log" | "restart"
  readonly timer: string
}

export interface InspectedDirective {
  readonly unit: string
  readonly section: string
  readonly key: string
  /** The value as it is written in the unit. */
  readonly value: string
  readonly source: DirectiveSource.Facts
}

/** The note on units that the facts of an extraction change. */
export const NOT_FINAL =
  "units are final only after extraction, by oci-systemd extract or the first start: some facts of the root are unknown before"

export const of = (listed: CatalogImage) =>
  Effect.gen(function* () {
    // Three parts need the documents, which are read once.
    const documents = listed.documents()
    const outcome = Either.flatMap(documents, listed.signed)
    const image = { ...listed, documents: () => documents, resolve: () => outcome, signed: () => outcome }
    const resolved = yield* documents
    const units = Render.image(image)
    if (units.denied !== undefined) return yield* Effect.fail(units.denied)
    const { instead, ...replaced } = UnitDropIns.of(image.context.units.service)
    return {
      ...(yield* Summary.of(image)),
      signedByPlaces: placesOf(image),
      layout: image.layoutPath,
      chainId: resolved.chainId,
      root: ExtractStore.rootDirectory(image.context.system.extractsdir, resolved.chainId),
      layers: layersOf(image, resolved),
      annotations: resolved.manifest.annotations ?? {},
      config: resolved.config,
      volumes: ImageContext.volumes(image.context, resolved, ImageContext.rootPaths(image.context, resolved))
        .volumes,
      secrets: ServiceSecrets.inspected(image.context),
      units: units.files.map(({ name }) => name),
      directives: directivesOf(units.files),
      links: units.links,
      health: healthOf(image, resolved, units.files),
      ...replaced,
      notes: [
        ...units.walls,
        ...units.notes,
        ...(units.isFinal ? [] : [NOT_FINAL]),
        ...(instead === undefined ? [] : [`${instead} replaces the generated unit`])
      ],
      unmapped: units.unmapped
    } satisfies Inspection
  })

/** Returns the lines of the configuration that ask for a signature. */
const placesOf = ({ context: { origins, settings } }: CatalogImage): readonly string[] =>
  settings.signedby.length === 0 ? [] : (origins.signedby ?? []).map(Settings.displayPlace)

const layersOf = (
  { context }: CatalogImage,
  { config, manifest }: ResolvedImage
): readonly InspectedLayer[] =>
  manifest.layers.map(({ digest, mediaType, size }, index) => {
    const diffId = config.rootfs.diff_ids[index] ?? digest
    const extracted = ExtractsDirectory.isThere(
      `${context.system.extractsdir}/${ExtractsTree.layerOf(diffId)}`
    )
    return { digest, diffId, mediaType, size, extracted }
  })

/**
 * Returns the health check, if it has units. It has none if a setting turns it off or its program is known to be
 * missing.
 */
const healthOf = (
  { context }: CatalogImage,
  { config }: ResolvedImage,
  files: readonly UnitFile[]
): InspectedHealth | null => {
  const process = ImageProcess.fromConfig(config)
  const action = context.settings.health
  const timer = context.units.healthTimer
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
