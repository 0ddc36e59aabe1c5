/** Enables and disables images with files of its own in the configuration. It changes no other files. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { display, type ImageName } from "../domain/naming/ImageName.ts"
import * as EnablingFile from "../domain/settings/EnablingFile.ts"
import * as ImageSettings from "../domain/settings/ImageSettings.ts"
import * as Settings from "../domain/settings/Settings.ts"
import type * as BoundedFile from "../services/files/BoundedFile.ts"
import * as DurableFile from "../services/files/DurableFile.ts"
import * as SystemCall from "../services/files/SystemCall.ts"
import * as SettingsFile from "../services/host/SettingsFile.ts"
import { sha256 } from "../services/layout/Blobs.ts"

/** Another configuration file contradicts, or the file cannot be written. */
export class EnablingFailed extends Data.TaggedError("EnablingFailed")<{
  readonly image: string
  readonly reason: string
  readonly hint?: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.image} ${this.reason}`
  }
}

/** The image is enabled, but cannot be started. */
export class NotStartable extends Data.TaggedError("NotStartable")<{
  /** A sentence that begins with the image. */
  readonly problem: string
}> {
  override get message(): string {
    return `${this.problem}: it was enabled, but not started`
  }
}

/** What was done to a file, or why nothing was done: `enabled already by FILE:LINE`. */
export interface Change {
  readonly image: ImageName
  readonly made: "created" | "changed" | "removed" | "nothing"
  readonly file: string
  /** The units that start the image now. */
  readonly units: readonly string[]
  /** Lines of other configuration files that enable the image. */
  readonly others: readonly string[]
}

type Failure = EnablingFailed | BoundedFile.FileRefused

/** Makes `units` start the image from the next reload on, besides those that do so already. */
export const enable = (
  image: ImageName,
  units: readonly string[],
  places: SettingsFile.Places = SettingsFile.DEFAULT_PLACES
): Effect.Effect<Change, Failure> =>
  Effect.gen(function* () {
    const fault = EnablingFile.fault(image)
    if (fault !== undefined) return yield* failed(image, `cannot be enabled: its name ${fault}`)
    const parsed = ImageSettings.KEYS.wantedby.parse(units.join(" "))
    if (Either.isLeft(parsed)) return yield* failed(image, `cannot be enabled: ${parsed.left.reason}`)
    const file = fileOf(image, places)
    const before = yield* state(image, file, places)
    if (units.every((unit) => before.units.includes(unit))) return { ...before, image, file, made: "nothing" }
    const text = EnablingFile.render(image, [...new Set([...before.units, ...units])])
    const old = yield* own(image, file)
    yield* attempt(image, file, () => DurableFile.replace(file, text))
    const after = yield* state(image, file, places)
    if (!units.every((unit) => after.units.includes(unit))) {
      yield* attempt(image, file, () =>
        old === undefined ? DurableFile.remove(file) : DurableFile.replace(file, old)
      )
      return yield* failed(
        image,
        `cannot be enabled: ${after.others.join(", ")} contradicts`,
        "change that line"
      )
    }
    return { ...after, image, file, made: old === undefined ? "created" : "changed" }
  })

/** Removes what `enable` wrote. Files of others are only named. */
export const disable = (
  image: ImageName,
  places: SettingsFile.Places = SettingsFile.DEFAULT_PLACES
): Effect.Effect<Change, Failure> =>
  Effect.gen(function* () {
    const file = fileOf(image, places)
    const old = yield* own(image, file)
    if (old !== undefined) yield* attempt(image, file, () => DurableFile.remove(file))
    const after = yield* state(image, file, places)
    if (old === undefined && after.units.length > 0) {
      return yield* failed(
        image,
        `is enabled by ${after.others.join(", ")}, which oci-systemd enable did not write`,
        "change that line, and run systemctl daemon-reload"
      )
    }
    return { ...after, image, file, made: old === undefined ? "nothing" : "removed" }
  })

/** Whether an image that is gone is still enabled by a file of ours. */
export const isEnabledByUs = (
  image: ImageName,
  places: SettingsFile.Places = SettingsFile.DEFAULT_PLACES
): boolean => DurableFile.isThere(fileOf(image, places))

/** Returns the path of our file, in the most important directory of drop-ins. */
const fileOf = (image: ImageName, { dropIns }: SettingsFile.Places): string =>
  `${dropIns[dropIns.length - 1]}/${EnablingFile.nameOf(image, sha256)}`

const state = (image: ImageName, file: string, places: SettingsFile.Places) =>
  Effect.map(SettingsFile.load(undefined, places), ({ settings }) => ({
    units: Settings.forImage(settings, image).wantedby,
    others: (Settings.originsFor(settings, image).wantedby ?? [])
      .filter((place) => place.file !== file)
      .map((place) => `${place.file}:${place.line}`)
  }))

/** Reads our file. A file that was edited is not ours any more. */
const own = (image: ImageName, file: string): Effect.Effect<string | undefined, EnablingFailed> =>
  Effect.gen(function* () {
    const text = yield* attempt(image, file, () => DurableFile.read(file))
    return text === undefined || EnablingFile.isOurs(image, text)
      ? text
      : yield* failed(
          image,
          `has a file that was edited by hand: ${file}`,
          "change or remove it, and run systemctl daemon-reload"
        )
  })

const attempt = <A>(image: ImageName, file: string, body: () => A): Effect.Effect<A, EnablingFailed> =>
  SystemCall.attempt(
    body,
    (cause) =>
      new EnablingFailed({
        image: display(image),
        reason: `cannot be enabled or disabled: ${file}: ${cause.code}`,
        cause
      })
  )

const failed = (image: ImageName, reason: string, hint?: string) =>
  new EnablingFailed({ image: display(image), reason, ...(hint === undefined ? {} : { hint }) })
