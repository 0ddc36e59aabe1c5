/** What the generator would write, and how that differs from what it has written. */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { MADE_BY, type UnitHost } from "../domain/unit/ImageContext.ts"
import * as LateMounts from "../domain/unit/LateMounts.ts"
import type { Settings } from "../domain/settings/Settings.ts"
import * as UnitFile from "../domain/unit/UnitFile.ts"
import { namesIn } from "../services/files/DirectoryNames.ts"
import * as Sightings from "../services/Sightings.ts"
import * as UnitDirectory from "../services/unit/UnitDirectory.ts"
import * as Catalog from "./Catalog.ts"
import type { Unread } from "./ImagesUnread.ts"
import * as Render from "./Render.ts"

/** By paths below the generator's directory. */
export interface Plan {
  readonly files: readonly UnitFile.UnitFile[]
  readonly entries: ReadonlyMap<string, Entry>
  readonly notes: readonly string[]
  /** Images whose units change once they are extracted. */
  readonly unfinished: readonly string[]
  /** Why images cannot run: a sentence each, which begins with the image. */
  readonly problems: readonly string[]
  /** Images that who asks may not read: nothing of them is in the rest. */
  readonly unread: readonly Unread[]
}

/** A file by its text, a link by what it says. */
export interface Entry {
  readonly kind: "file" | "link"
  readonly content: string
}

export interface Difference {
  readonly path: string
  readonly before: Entry | undefined
  readonly after: Entry | undefined
}

/** `--check` found something. */
export class CheckFailed extends Schema.TaggedError<CheckFailed>()("CheckFailed", {
  found: Schema.Array(Schema.String),
  hint: Schema.String
}) {
  override get message(): string {
    return this.found.join(", and ")
  }
}

/** The machine whose generator it is: it has units besides those of images. */
export interface Around {
  readonly settings: Settings
  readonly host: UnitHost
}

/** As the generator does it: of two that want one path, the later has it. */
export const plan = (images: readonly Catalog.CatalogImage[], around?: Around): Effect.Effect<Plan> =>
  Effect.gen(function* () {
    const all = yield* Effect.forEach(images, (image) =>
      Effect.map(Render.image(image), (units) => ({ image: Catalog.nameOf(image), ...units }))
    )
    const rendered = all.filter(({ denied }) => denied === undefined)
    const units = [...rendered, ...(around === undefined ? [] : late(around))]
    const entries = new Map<string, Entry>()
    for (const { files, links } of units) {
      for (const file of files) entries.set(file.name, { kind: "file", content: UnitFile.render(file) })
      for (const { path, target } of links) entries.set(path, { kind: "link", content: target })
    }
    return {
      files: units.flatMap(({ files }) => files),
      entries,
      notes: rendered.flatMap(({ image, notes }) => notes.map((note) => `${image}: ${note}`)),
      unfinished: rendered.flatMap(({ image, isFinal }) => (isFinal ? [] : image)),
      problems: rendered.flatMap(({ problem }) => problem ?? []),
      unread: all.flatMap(({ denied, image }) => (denied === undefined ? [] : { image, cause: denied }))
    }
  })

/** Those that look again at what is mounted later. */
const late = ({ host, settings: { system } }: Around): readonly LateMounts.LateMountUnits[] =>
  Either.match(LateMounts.units(host, Sightings.ofSystem(system)), {
    onLeft: () => [],
    onRight: (units) => [units]
  })

/** Writes all of it into a directory, which may be new; what else is there stays. */
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

/** What would change in the generator's directory; `whole`: what is there of other images of ours would go. */
export const differences = (
  directory: string,
  { entries }: Plan,
  { whole }: { readonly whole: boolean }
): readonly Difference[] => {
  const paths = new Set(entries.keys())
  if (whole) for (const path of ours(directory)) paths.add(path)
  return [...paths].sort().flatMap((path) => {
    const [before, after] = [entryAt(`${directory}/${path}`), entries.get(path)]
    return before?.kind === after?.kind && before?.content === after?.content ? [] : [{ path, before, after }]
  })
}

/** A generator's directory is everybody's: ours are the files that say so, and the links to them. */
const ours = (directory: string): readonly string[] => {
  const found = namesIn(directory)
  const below = found.flatMap((name) =>
    DEPENDENCIES.test(name) ? namesIn(`${directory}/${name}`).map((child) => `${name}/${child}`) : []
  )
  const files = new Set(
    found.filter((name) => {
      const entry = entryAt(`${directory}/${name}`)
      return entry?.kind === "file" && entry.content.startsWith(`# ${MADE_BY}`)
    })
  )
  const isOurs = (path: string): boolean => {
    const entry = entryAt(`${directory}/${path}`)
    const name = path.slice(path.lastIndexOf("/") + 1)
    return entry?.kind === "link"
      ? files.has(entry.content.replace(/^\.\.\//, ""))
      : files.has(name.replace(/\.conf$/, ".service"))
  }
  return [...files, ...[...found, ...below].filter((path) => !files.has(path) && isOurs(path))]
}

const entryAt = (path: string): Entry | undefined => {
  try {
    const stats = fs.lstatSync(path)
    if (stats.isSymbolicLink()) return { kind: "link", content: fs.readlinkSync(path) }
    return stats.isFile() ? { kind: "file", content: fs.readFileSync(path, "utf8") } : undefined
  } catch {
    return undefined
  }
}

/** `UNIT.wants/`, drop-ins, … */
const DEPENDENCIES = /\.(?:wants|requires|upholds|d)$/
