/** What the generator would write, and the differences to what it has written. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Settings } from "../domain/settings/Settings.ts"
import type { UnitHost } from "../domain/unit/ImageContext.ts"
import * as LateMounts from "../domain/unit/LateMounts.ts"
import * as MemoryUnits from "../domain/unit/MemoryUnits.ts"
import * as UnitEntry from "../domain/unit/UnitEntry.ts"
import type { PrintedUnit } from "../domain/unit/UnitFile.ts"
import * as MountSnapshot from "../services/host/MountSnapshot.ts"
import * as GeneratedUnits from "../services/unit/GeneratedUnits.ts"
import * as UnitDirectory from "../services/unit/UnitDirectory.ts"
import * as Catalog from "./Catalog.ts"
import type { Unread } from "./ImagesUnread.ts"
import * as Render from "./Render.ts"
import * as RenderAll from "./RenderAll.ts"

/** Files and links by their paths below the generator's directory. */
export interface Plan {
  /** How many images the plan is for. */
  readonly images: number
  readonly files: readonly PrintedUnit[]
  readonly entries: UnitEntry.UnitEntries
  readonly notes: readonly string[]
  /** Images whose units change when they are extracted. */
  readonly unfinished: readonly string[]
  /** Why images cannot run: one sentence for each, which begins with the image. */
  readonly problems: readonly string[]
  /** Images that the caller lacks permission to read. The rest of the plan contains nothing of them. */
  readonly unread: readonly Unread[]
}

/** `--check` found something. */
export class CheckFailed extends Data.TaggedError("CheckFailed")<{
  readonly found: ReadonlyArray<string>
  readonly hint: string
}> {
  override get message(): string {
    return this.found.join(", and ")
  }
}

/** The machine of the generator, for units that do not belong to an image. */
export interface Around {
  readonly settings: Settings
  readonly host: UnitHost
}

/** Makes the plan as the generator does. If two units want one path, the later one gets it. */
export const plan = (images: readonly Catalog.CatalogImage[], around?: Around): Effect.Effect<Plan> =>
  Effect.sync(() => {
    // It is unknown how much space some images leave to others.
    const made =
      around === undefined
        ? images
            .map((image) => ({ image, units: Render.image(image) }))
            .filter(({ units }) => units.artifact === undefined)
        : [...RenderAll.all(images, around.settings.system)]
    const all = made.flatMap(({ image, units }) =>
      units === undefined ? [] : [{ image: Catalog.nameOf(image), ...units }]
    )
    const without = made.filter(({ units }) => units === undefined).map(({ image }) => image)
    const rendered = all.filter(({ denied }) => denied === undefined)
    const units = [...rendered, ...(around === undefined ? [] : late(around))]
    const entries = new Map<string, UnitEntry.UnitEntry>()
    for (const { files, links } of units) {
      for (const file of files) entries.set(file.name, { kind: "file", content: file.text })
      for (const { path, target } of links) entries.set(path, { kind: "link", content: target })
    }
    return {
      images: made.length,
      files: units.flatMap(({ files }) => files),
      entries,
      notes: rendered.flatMap(({ image, notes }) => notes.map((note) => `${image}: ${note}`)),
      unfinished: rendered.flatMap(({ image, isFinal }) => (isFinal ? [] : image)),
      problems: [...rendered.flatMap(({ problem }) => problem ?? []), ...RenderAll.withoutUnits(without)],
      unread: all.flatMap(({ denied, image }) => (denied === undefined ? [] : { image, cause: denied }))
    }
  })

/**
 * Returns the units that look again for mounts that appear later, and those that remember for the next boot.
 */
const late = ({ host, settings: { system } }: Around): readonly LateMounts.LateMountUnits[] => {
  const sightings = MountSnapshot.ofSystem(system)
  return [
    LateMounts.units(host, sightings),
    ...(sightings.some(({ seen }) => seen === LateMounts.AUTOMOUNT)
      ? []
      : [MemoryUnits.units(system.extractsdir)])
  ].flatMap(Either.match({ onLeft: () => [], onRight: (units) => [units] }))
}

/** Writes the whole plan to a directory, which may be new. Other files in it are kept. */
export const write = (
  directory: string,
  { entries }: Plan
): Effect.Effect<void, UnitDirectory.UnitNotWritten> =>
  Effect.forEach(
    entries,
    ([path, { content, kind }]) =>
      kind === "file"
        ? UnitDirectory.writeText(directory, path, content)
        : UnitDirectory.writeLink(directory, { path, target: content }),
    { discard: true }
  )

/**
 * Returns what would change in the generator's directory. With `whole`, files of ours for other images count as
 * removed.
 */
export const differences = (
  directory: string,
  { entries }: Plan,
  { whole }: { readonly whole: boolean }
): readonly UnitEntry.Difference[] => {
  const paths = new Set([...(whole ? GeneratedUnits.pathsIn(directory) : []), ...entries.keys()])
  return UnitEntry.differences(GeneratedUnits.entriesAt(directory, paths), entries)
}
