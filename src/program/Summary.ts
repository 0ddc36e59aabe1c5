/** A summary of one image for a line of a table. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Digest } from "../domain/document/Digest.ts"
import type { Artifact } from "../domain/image/Artifact.ts"
import * as Platform from "../domain/image/Platform.ts"
import type { ResolvedImage } from "../domain/image/ResolvedImage.ts"
import { display } from "../domain/naming/ImageName.ts"
import * as ExposedPorts from "../domain/process/ExposedPorts.ts"
import * as HealthUnits from "../domain/unit/HealthUnits.ts"
import * as RootPaths from "../domain/unit/RootPaths.ts"
import type { ServiceState } from "../domain/unit/ServiceState.ts"
import * as ExtractStore from "../services/extracts/ExtractStore.ts"
import * as ExtractsDirectory from "../services/extracts/ExtractsDirectory.ts"
import * as ServiceStates from "../services/unit/ServiceStates.ts"
import * as Catalog from "./Catalog.ts"
import * as Render from "./Render.ts"
import type { Everything } from "./Selection.ts"

/** A summary. Values that are unknown, because of a problem or for lack of permission, are `null`. */
export interface Summary {
  readonly image: string
  readonly unit: string | null
  readonly platform: string | null
  /** Bytes of the configuration and the layers in the layout. */
  readonly size: number | null
  readonly manifest: Digest | null
  readonly extracted: boolean | null
  /** The ports on which the image says that it listens, as `80/tcp`. With the host's network they are the host's. */
  readonly ports: readonly string[] | null
  /** Whether any unit starts it. */
  readonly enabled: boolean
  readonly enabledBy: readonly string[]
  /** What its service does; `null` if systemd does not run this machine. */
  readonly state: ServiceState | null
  /** The file of the public key that has signed it; `null` if its settings ask for no signature, or it has none that counts. */
  readonly signedBy: string | null
  /** Why it cannot run. */
  readonly problem: string | null
  /** What it is, if it is not an image; `null` for images. */
  readonly artifact: SummarizedArtifact | null
}

/** What an artifact is. */
export interface SummarizedArtifact extends Omit<Artifact, "subject"> {
  /** The manifest that it is attached to. */
  readonly subject: Digest | null
}

export const of = (image: Catalog.CatalogImage): Effect.Effect<Summary> =>
  Effect.map(statesOf([image]), (states) => summary(image, states))

/** Summarizes images. systemd is asked for all of them at once. */
export const ofAll = (images: readonly Catalog.CatalogImage[]): Effect.Effect<readonly Summary[]> =>
  Effect.map(statesOf(images), (states) => images.map((image) => summary(image, states)))

const statesOf = (images: readonly Catalog.CatalogImage[]): Effect.Effect<ServiceStates.ServiceStates> =>
  ServiceStates.read(
    images
      .filter(({ isHidden }) => !isHidden)
      .map(({ context: { sha256, stem, system, units } }) => ({
        unit: units.service,
        healthFile: HealthUnits.stateFile(
          RootPaths.ofService({ extractsdir: system.extractsdir, stem }, sha256).overlay
        )
      }))
  )

const summary = (image: Catalog.CatalogImage, states: ServiceStates.ServiceStates): Summary => {
  const { context } = image
  const documents = image.documents()
  const resolved = Either.flatMap(documents, image.signed)
  const { denied, problem } = Render.image({ ...image, resolve: () => resolved })
  const isUnread = denied !== undefined && Either.isLeft(resolved)
  const reason = problem === undefined ? null : withoutName(problem, display(context.name))
  const enabledBy = [
    ...new Set([...context.settings.wantedby, ...context.settings.requiredby, ...context.settings.upheldby])
  ]
  return {
    image: Catalog.nameOf(image),
    unit: image.isHidden ? null : context.units.service,
    ...(Either.isRight(documents) ? factsOf(image, documents.right) : NO_FACTS),
    signedBy: Either.isRight(resolved) ? (resolved.right.signedBy ?? null) : null,
    ...(isUnread ? { extracted: null } : {}),
    enabled: enabledBy.length > 0,
    enabledBy,
    state: image.isHidden ? null : (states?.get(context.units.service) ?? null),
    problem: isUnread ? UNREAD : reason,
    artifact: null
  }
}

/** Summarizes what is not an image. It has no unit and no root. */
export const ofArtifact = ({ artifact, digest, name }: Catalog.CatalogArtifact): Summary => ({
  image: display(name),
  unit: null,
  ...NO_FACTS,
  manifest: digest,
  signedBy: null,
  enabled: false,
  enabledBy: [],
  state: null,
  problem: null,
  artifact: { ...artifact, subject: artifact.subject ?? null }
})

/** Summarizes images and artifacts by their layouts, in each the images first. */
export const ofEverything = ({ artifacts, images }: Everything): Effect.Effect<readonly Summary[]> =>
  Effect.map(statesOf(images), (states) =>
    [
      ...images.map((image) => ({ layout: image.context.name.layout, summary: summary(image, states) })),
      ...artifacts.map((each) => ({ layout: each.name.layout, summary: ofArtifact(each) }))
    ]
      .sort((a, b) => (a.layout < b.layout ? -1 : a.layout > b.layout ? 1 : 0))
      .map(({ summary }) => summary)
  )

const factsOf = (
  { context }: Catalog.CatalogImage,
  { chainId, config, manifest, manifestDigest, platform }: ResolvedImage
) => ({
  platform: Platform.display(platform),
  size: manifest.layers.reduce((sum, { size }) => sum + size, manifest.config.size),
  manifest: manifestDigest,
  extracted: ExtractsDirectory.isThere(ExtractStore.rootDirectory(context.system.extractsdir, chainId)),
  ports: ExposedPorts.parse(Object.keys(config.config?.ExposedPorts ?? {})).ports.map(ExposedPorts.display)
})

/** The problem of an image that may well run. */
const UNREAD = "cannot be read (permission)"

const NO_FACTS = { platform: null, size: null, manifest: null, extracted: false, ports: null }

/** Removes the name from a problem, which only the generator's log needs. */
const withoutName = (problem: string, name: string): string =>
  problem.startsWith(`${name}: `) ? problem.slice(name.length + 2) : problem
