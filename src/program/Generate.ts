/** What the generator does: read the layouts, render every image's units, write them. */
import * as Either from "effect/Either"
import type { UnitHost } from "../domain/unit/ImageContext.ts"
import { display } from "../domain/naming/ImageName.ts"
import type { ImageUnits } from "../domain/unit/ImageUnits.ts"
import * as LateMounts from "../domain/unit/LateMounts.ts"
import type { HostPlatform } from "../domain/image/Platform.ts"
import * as RootPaths from "../domain/unit/RootPaths.ts"
import * as ServiceUnit from "../domain/unit/ServiceUnit.ts"
import type { Settings } from "../domain/settings/Settings.ts"
import type { Budget } from "../services/Budget.ts"
import * as RunningUnits from "../services/unit/RunningUnits.ts"
import * as Sightings from "../services/Sightings.ts"
import * as UnitDirectory from "../services/unit/UnitDirectory.ts"
import * as Catalog from "./Catalog.ts"
import * as Render from "./Render.ts"

/** Where the generator says what it does: one line each. */
export interface Log {
  /** What is made of each image. */
  readonly debug: (message: string) => void
  /** What is passed over or is odd. */
  readonly warn: (message: string) => void
  /** What cannot run, and why. */
  readonly error: (message: string) => void
}

/** What the generator works on, and where it says what it does. */
export interface Options {
  readonly settings: Settings
  readonly host: UnitHost
  readonly platform: HostPlatform
  /** systemd's normal one. */
  readonly directory: string
  /** Are there to be units that look again at what is mounted later? Not unless told. */
  readonly lateMounts?: boolean
  readonly log: Log
  /** As long as it takes, unless told. */
  readonly budget?: Budget
  /** Called before units are made of this number of images. */
  readonly onImages?: (count: number) => void
}

/** Cannot fail: what goes wrong with one image is said, and the others go on. */
export const generate = (options: Options): Either.Either<void> =>
  Either.gen(function* () {
    const { host, log, platform, settings } = options
    const variants = platform.variants.join(", ")
    log.debug(
      `systemd ${host.systemdVersion}, ${platform.os}/${platform.architecture}${variants === "" ? "" : ` (${variants})`}`
    )
    log.debug(`layouts from ${settings.system.imagelayoutdir}, roots in ${settings.system.extractsdir}`)
    // Before the layouts are read: what is mounted meanwhile is a difference then.
    const sightings = Sightings.ofSystem(settings.system)
    const automounts = sightings.filter(({ seen }) => seen === LateMounts.AUTOMOUNT)
    for (const { directory } of automounts)
      log.warn(`${directory} is an automount that is not mounted: no image is known before it is`)
    const usable = automounts.length === 0 ? yield* images(options) : new Set<string>()
    // To look into an automount would be to wait for systemd, which waits for this.
    if (!automounts.some(({ directory }) => directory === settings.system.extractsdir))
      keepRunning(usable, options)
    if (options.lateMounts !== true) return
    for (const { directory, seen } of sightings)
      log.debug(`${directory} is ${seen}: looked at again after mounts`)
    const watch = LateMounts.units(options.host, sightings)
    if (Either.isLeft(watch)) log.error(watch.left.message)
    else write(watch.right, options)
  })

/** The names of the scratches of those that can run. */
const images = (options: Options): Either.Either<ReadonlySet<string>> =>
  Either.map(Catalog.load(options.settings, options.host, options.platform, options.budget), (catalog) => {
    const { log } = options
    for (const warning of catalog.warnings) log.warn(warning)
    options.onImages?.(catalog.images.length)
    const usable = new Set<string>()
    for (const image of inTurns(catalog.images)) {
      const name = display(image.context.name)
      const units = Either.getOrThrow(Render.image(image))
      if (units.problem !== undefined) log.error(units.problem)
      else usable.add(RootPaths.nameOf(image.context.stem, image.context.sha256))
      for (const note of ServiceUnit.fewNotes(units.notes)) log.warn(`${name}: ${note}`)
      write(units, options)
      log.debug(`${name} is ${units.files.map((file) => file.name).join(", ")}`)
    }
    return usable
  })

/** The first of each layout, the second of each, …: a layout whose names take all the time there is leaves the others theirs. */
const inTurns = (images: readonly Catalog.CatalogImage[]): readonly Catalog.CatalogImage[] => {
  const turns: Catalog.CatalogImage[][] = []
  const taken = new Map<string, number>()
  for (const image of images) {
    const turn = taken.get(image.layoutPath) ?? 0
    taken.set(image.layoutPath, turn + 1)
    const others = turns[turn]
    if (others === undefined) turns.push([image])
    else others.push(image)
  }
  return turns.flat()
}

/** Services whose image is gone, or cannot run any more, stop as they should. */
const keepRunning = (usable: ReadonlySet<string>, { directory, log, settings }: Options): void => {
  for (const { name, text } of RunningUnits.of(settings.system.extractsdir, usable)) {
    log.debug(`${name} stays until its service has stopped: its image is gone`)
    const written = UnitDirectory.writeText(directory, name, text)
    if (Either.isLeft(written)) log.error(written.left.message)
  }
}

const write = ({ files, links }: Pick<ImageUnits, "files" | "links">, { directory, log }: Options): void => {
  const isRefused = (written: Either.Either<void, UnitDirectory.UnitNotWritten>): boolean => {
    if (Either.isRight(written)) return false
    log.error(written.left.message)
    return true
  }
  // Where one cannot be written, the others would not do without it.
  for (const file of files) if (isRefused(UnitDirectory.writeFile(directory, file))) return
  for (const link of links) if (isRefused(UnitDirectory.writeLink(directory, link))) return
}
