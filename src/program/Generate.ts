/** The work of the generator: it reads the layouts, renders the units of every image, and writes them. */
import * as Either from "effect/Either"
import type { HostPlatform } from "../domain/image/Platform.ts"
import { display } from "../domain/naming/ImageName.ts"
import type { Settings } from "../domain/settings/Settings.ts"
import type { UnitHost } from "../domain/unit/ImageContext.ts"
import type { ImageUnits } from "../domain/unit/ImageUnits.ts"
import * as LateMounts from "../domain/unit/LateMounts.ts"
import * as MemoryUnits from "../domain/unit/MemoryUnits.ts"
import * as RootPaths from "../domain/unit/RootPaths.ts"
import * as ServiceUnit from "../domain/unit/ServiceUnit.ts"
import * as MountSnapshot from "../services/host/MountSnapshot.ts"
import type { Deadline } from "../services/layout/Deadline.ts"
import type { WrittenUnit } from "../services/memory/UnitArchive.ts"
import * as RunningUnits from "../services/unit/RunningUnits.ts"
import * as UnitDirectory from "../services/unit/UnitDirectory.ts"
import * as Catalog from "./Catalog.ts"
import * as RenderAll from "./RenderAll.ts"

/** The generator's log, one line for each call. */
export interface Log {
  /** Logs the units of each image. */
  readonly debug: (message: string) => void
  /** Logs what is ignored or unusual. */
  readonly warn: (message: string) => void
  /** Logs what cannot run, and why. */
  readonly error: (message: string) => void
}

/** The input of the generator, and its log. */
export interface Options {
  readonly settings: Settings
  readonly host: UnitHost
  readonly platform: HostPlatform
  /** systemd's directory for normal units. */
  readonly directory: string
  /** Whether to write units that look again at what is mounted later. The default is no. */
  readonly lateMounts?: boolean
  readonly log: Log
  /** The time that the generator may take. The default is unlimited. */
  readonly budget?: Deadline
  /** Called with the number of images before their units are made. */
  readonly onImages?: (count: number) => void
  /** Called with each unit, whether it could be written or not. */
  readonly onUnit?: (unit: WrittenUnit, isWritten: boolean) => void
}

/** Runs the generator. It never fails: a problem of one image is logged, and the others go on. */
export const generate = (options: Options): void => {
  const { host, log, platform, settings } = options
  const variants = platform.variants.join(", ")
  log.debug(
    `systemd ${host.systemdVersion}, ${platform.os}/${platform.architecture}${variants === "" ? "" : ` (${variants})`}`
  )
  log.debug(`layouts from ${settings.system.imagelayoutdir}, roots in ${settings.system.extractsdir}`)
  // This precedes reading the layouts, so that anything mounted meanwhile is seen as a difference.
  const sightings = MountSnapshot.ofSystem(settings.system)
  const automounts = sightings.filter(({ seen }) => seen === LateMounts.AUTOMOUNT)
  for (const { directory } of automounts)
    log.warn(`${directory} is an automount that is not mounted: its images are unknown until it is`)
  const usable = automounts.length === 0 ? images(options) : new Set<string>()
  // Looking into an automount would wait for systemd, which waits for this program.
  if (!automounts.some(({ directory }) => directory === settings.system.extractsdir))
    keepRunning(usable, options)
  if (options.lateMounts !== true) return
  for (const { directory, seen } of sightings)
    log.debug(`${directory} is ${seen}: it is read again after later mounts`)
  const watch = LateMounts.units(options.host, sightings)
  if (Either.isLeft(watch)) log.error(watch.left.message)
  else write(watch.right, options)
  // There is no memory: to compare it, a script would have to touch the automount.
  if (automounts.length > 0) return
  const memory = MemoryUnits.units(settings.system.extractsdir)
  if (Either.isLeft(memory)) log.error(memory.left.message)
  else write(memory.right, options)
}

/** Returns the names of the scratch directories of images that can run. */
const images = (options: Options): ReadonlySet<string> => {
  const catalog = Catalog.load(options.settings, options.host, options.platform, options.budget)
  const { log } = options
  for (const warning of catalog.warnings) log.warn(warning)
  options.onImages?.(catalog.images.length)
  const usable = new Set<string>()
  const without: Catalog.CatalogImage[] = []
  for (const { image, units } of RenderAll.all(catalog.images, options.settings.system)) {
    if (units === undefined) {
      without.push(image)
      continue
    }
    const name = display(image.context.name)
    if (units.problem !== undefined) log.error(units.problem)
    else usable.add(RootPaths.nameOf(image.context.stem, image.context.sha256))
    for (const note of ServiceUnit.fewNotes(units.notes)) log.warn(`${name}: ${note}`)
    write(units, options)
    log.debug(`${name} is ${units.files.map((file) => file.name).join(", ")}`)
  }
  for (const sentence of RenderAll.withoutUnits(without)) log.error(sentence)
  return usable
}

/** Keeps the units of services whose image is gone or cannot run any more, so that they stop as they should. */
const keepRunning = (usable: ReadonlySet<string>, options: Options): void => {
  for (const { name, text } of RunningUnits.of(options.settings.system.extractsdir, usable)) {
    options.log.debug(`${name} is kept until its service has stopped: its image is gone`)
    put({ name, text }, options)
  }
}

const write = ({ files, links }: Pick<ImageUnits, "files" | "links">, options: Options): void => {
  // The first unit that cannot be written ends this, since the others need it.
  for (const file of files) if (!put({ name: file.name, text: file.text }, options)) return
  for (const { path, target } of links) if (!put({ name: path, target }, options)) return
}

const put = (unit: WrittenUnit, { directory, log, onUnit }: Options): boolean => {
  const written =
    unit.target === undefined
      ? UnitDirectory.writeText(directory, unit.name, unit.text ?? "")
      : UnitDirectory.writeLink(directory, { path: unit.name, target: unit.target })
  if (Either.isLeft(written)) log.error(written.left.message)
  onUnit?.(unit, Either.isRight(written))
  return Either.isRight(written)
}
