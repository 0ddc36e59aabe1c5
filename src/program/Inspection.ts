/** Everything about one image, for people and for programs. */
import * as Effect from "effect/Effect"
import type { Digest } from "../domain/Digest.ts"
import * as DirectiveSource from "../domain/DirectiveSource.ts"
import type { UnitLink } from "../domain/Enabling.ts"
import type { ImageConfig } from "../domain/ImageConfig.ts"
import * as ImageContext from "../domain/ImageContext.ts"
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
  readonly layers: ReadonlyArray<{
    readonly digest: Digest
    readonly mediaType: string
    readonly size: number
  }>
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
    const image = { ...listed, resolve: yield* Effect.cached(listed.resolve) }
    const resolved = yield* image.resolve
    const units = yield* Render.image(image)
    return {
      ...(yield* Summary.of(image)),
      problem: units.problem,
      layout: image.layoutPath,
      chainId: resolved.chainId,
      root: Extracts.rootDirectory(image.context.system.extractsdir, resolved.chainId),
      layers: resolved.manifest.layers.map(({ digest, mediaType, size }) => ({ digest, mediaType, size })),
      config: resolved.config,
      volumes: ImageContext.volumes(image.context, resolved).volumes,
      units: units.files.map(({ name }) => name),
      directives: directivesOf(units.files),
      links: units.links,
      notes: units.notes,
      unmapped: units.unmapped
    } satisfies Inspection
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

export const render = (inspection: Inspection): string => {
  const { config } = inspection
  const process = config.config ?? {}
  const fields: ReadonlyArray<readonly [string, string | undefined]> = [
    ["Image", inspection.image],
    ["Layout", inspection.layout],
    ["Manifest", inspection.manifest],
    ["Platform", inspection.platform],
    ["Created", config.created],
    ["Root", `${inspection.root}${inspection.extracted ? "" : " (not extracted yet)"}`],
    ...inspection.layers.map(
      ({ digest, size }, index) => [index === 0 ? "Layers" : "", `${digest} ${size} bytes`] as const
    ),
    ["Command", JSON.stringify([...(process.Entrypoint ?? []), ...(process.Cmd ?? [])])],
    ["Directory", process.WorkingDir || "/"],
    ["User", process.User || "root"],
    ...(process.Env ?? []).map((entry, index) => [index === 0 ? "Environment" : "", entry] as const),
    ...inspection.volumes.map(
      ({ directory, path, readonly }, index) =>
        [index === 0 ? "Volumes" : "", `${path} at ${directory}${readonly ? " (read-only)" : ""}`] as const
    ),
    ...inspection.units.map((unit, index) => [index === 0 ? "Units" : "", unit] as const),
    ...inspection.links.map(
      ({ path, target }, index) => [index === 0 ? "Links" : "", `${path} -> ${target}`] as const
    ),
    ...inspection.notes.map((note) => ["Note", note] as const),
    ...inspection.unmapped.map(
      ({ field, reason }, index) => [index === 0 ? "Not mapped" : "", `${field} ${reason}`] as const
    ),
    ["Problem", inspection.problem]
  ]
  const shown = fields.filter(([, value]) => value !== undefined)
  return [
    ...shown.map(([label, value]) => `${label.padEnd(12)} ${printable(value ?? "")}`),
    ...inspection.units.flatMap((unit) => [
      "",
      `${unit}:`,
      ...inspection.directives
        .filter((directive) => directive.unit === unit)
        .map(({ key, value, source }) => `  ${printable(`${key}=${value}`)}  (${printable(source.text)})`)
    ])
  ].join("\n")
}

/** An image's strings must not move the cursor or change colours. */
const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is shown as escapes
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`)
