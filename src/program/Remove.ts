/**
 * Removes images: stops their services, no longer starts them at boot, and removes their layouts. What was extracted is
 * garbage then. What people wrote or what a service kept stays, and is named.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { display } from "../domain/naming/ImageName.ts"
import * as ImagePattern from "../domain/naming/ImagePattern.ts"
import type { Settings } from "../domain/settings/Settings.ts"
import * as RootPaths from "../domain/unit/RootPaths.ts"
import * as DurableFile from "../services/files/DurableFile.ts"
import * as HostProgram from "../services/host/HostProgram.ts"
import * as LayoutRemoval from "../services/layout/LayoutRemoval.ts"
import * as UnitDropIns from "../services/unit/UnitDropIns.ts"
import type { Catalog, CatalogImage } from "./Catalog.ts"
import * as Selection from "./Selection.ts"

/** A layout cannot be removed. Its images are stopped, and are not started at boot any more. */
export class LayoutKept extends Data.TaggedError("LayoutKept")<{
  readonly path: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `${this.path} cannot be removed: ${(this.cause as NodeJS.ErrnoException).code ?? String(this.cause)}`
  }
}

/** A layout has images that were not named. Nothing is done. */
export class OthersInLayout extends Data.TaggedError("OthersInLayout")<{
  readonly image: string
  readonly layout: string
  readonly others: readonly string[]
}> {
  override get message(): string {
    return `${this.image} is in one layout with ${this.others.join(", ")}`
  }

  get hint(): string {
    return `umoci rm --image LAYOUT:REF, or skopeo delete oci:LAYOUT:REF, removes one reference of a layout; oci-systemd remove ${this.layout} removes all of them`
  }
}

/**
 * Fails if a layout of the selected images has others that the words do not name, since its blobs may be theirs as well. What is
 * attached to an image, as a signature is, goes with it. Other artifacts, such as charts, are kept as images are.
 */
export const requireWhole = (
  catalog: Catalog,
  selected: readonly CatalogImage[],
  words: readonly string[]
): Effect.Effect<void, OthersInLayout> => {
  const named = new Set([...selected, ...words.flatMap((word) => Selection.find(catalog, word))])
  for (const image of selected) {
    const others = catalog.images.filter(
      (other) =>
        other.layoutPath === image.layoutPath && !named.has(other) && other.artifact()?.subject === undefined
    )
    const { name } = image.context
    if (others.length > 0)
      return new OthersInLayout({
        image: display(name),
        layout: name.layout,
        others: others.slice(0, MOST).map(({ context }) => display(context.name))
      })
  }
  return Effect.void
}

/** The most names in a message. */
const MOST = 6

/** Stops the services, and waits until their roots are unmounted. Returns the services that systemd knows. */
export const stop = (selected: readonly CatalogImage[]) =>
  Effect.gen(function* () {
    if (!HostProgram.hasSystemd()) return []
    const units = selected.flatMap(({ context }) => [
      context.units.service,
      context.units.prepare,
      context.units.output,
      context.units.scratch
    ])
    const states = yield* HostProgram.run("systemctl", "show", "-P", "LoadState", "--", ...units)
    const known = states.split("\n").filter((line) => line !== "")
    const loaded = units.filter((_, index) => known[index] === "loaded")
    if (loaded.length > 0) yield* HostProgram.run("systemctl", "stop", "--", ...loaded)
    return selected.map(({ context }) => context.units.service).filter((unit) => loaded.includes(unit))
  })

/** Removes the layouts of the images, and returns their paths. */
export const layouts = (selected: readonly CatalogImage[], directory: string) =>
  Effect.forEach([...new Set(selected.map(({ layoutPath }) => layoutPath))], (path) =>
    Effect.as(
      LayoutRemoval.remove(path, directory, (cause) => new LayoutKept({ path, cause })),
      path
    )
  )

/** Something of an image that stays, and what it is. */
export interface Kept {
  readonly what: "data" | "drop-in" | "setting"
  /** A path, or `FILE:LINE`. */
  readonly at: string
}

/** Returns what stays of an image: its data, drop-ins, and the lines of the configuration for this image alone. */
export const kept = ({ context }: CatalogImage, { rules, system }: Settings): readonly Kept[] => {
  const { name, sha256, stem, units } = context
  const data = [
    `${system.volumesdir}/${RootPaths.nameOf(stem, sha256)}`,
    ...(context.settings.root === "persistent"
      ? [`${system.extractsdir}/scratch/${RootPaths.nameOf(stem, sha256)}`]
      : [])
  ]
  const { dropIns, instead } = UnitDropIns.of(units.service)
  const own = `/${units.service}.d/`
  return [
    ...data.filter((path) => DurableFile.isThere(path)).map((at): Kept => ({ what: "data", at })),
    ...[...dropIns.filter((path) => path.includes(own)), ...(instead === undefined ? [] : [instead])].map(
      (at): Kept => ({ what: "drop-in", at })
    ),
    ...rules
      .filter(({ pattern }) => !pattern.includes("*") && ImagePattern.matches(pattern, name))
      .map(({ place }): Kept => ({ what: "setting", at: `${place.file}:${place.line}` }))
  ]
}
