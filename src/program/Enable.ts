/** Enables and disables images, by files of its own in the configuration; it touches no others. */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as EnablingFile from "../domain/settings/EnablingFile.ts"
import { display, type ImageName } from "../domain/naming/ImageName.ts"
import * as ImageSettings from "../domain/settings/ImageSettings.ts"
import * as Settings from "../domain/settings/Settings.ts"
import * as AtomicReplace from "../services/files/AtomicReplace.ts"
import { sha256 } from "../services/layout/Blobs.ts"
import type * as BoundedFile from "../services/files/BoundedFile.ts"
import * as Durable from "../services/files/Durable.ts"
import * as SettingsFile from "../services/host/SettingsFile.ts"

/** Somebody else's configuration says otherwise, or nothing can be written. */
export class EnablingFailed extends Schema.TaggedError<EnablingFailed>()("EnablingFailed", {
  image: Schema.String,
  reason: Schema.String,
  hint: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return `${this.image} ${this.reason}`
  }
}

/** It is enabled, and starting it would be in vain. */
export class NotStartable extends Schema.TaggedError<NotStartable>()("NotStartable", {
  /** A sentence that begins with the image. */
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.problem}: it is enabled, and was not started`
  }
}

/** What was done to a file, or why there was nothing to do: `enabled already by FILE:LINE`. */
export interface Change {
  readonly image: ImageName
  readonly made: "created" | "changed" | "removed" | "nothing"
  readonly file: string
  /** Which units start the image now. */
  readonly units: readonly string[]
  /** Lines of the configuration that say so and are not ours. */
  readonly others: readonly string[]
}

type Failure = EnablingFailed | BoundedFile.FileRefused

/** `units` start the image from the next reload on, besides those that do already. */
export const enable = (
  image: ImageName,
  units: readonly string[],
  places: SettingsFile.Places = SettingsFile.DEFAULT_PLACES
): Effect.Effect<Change, Failure> =>
  Effect.gen(function* () {
    const fault = EnablingFile.fault(image)
    if (fault !== undefined) return yield* failed(image, `cannot be enabled: its name ${fault}`)
    const parsed = ImageSettings.KEYS.wantedby.parse(units.join(" "))
    if (Either.isLeft(parsed)) return yield* failed(image, `cannot be enabled: ${parsed.left}`)
    const file = fileOf(image, places)
    const before = yield* state(image, file, places)
    if (units.every((unit) => before.units.includes(unit))) return { ...before, image, file, made: "nothing" }
    const text = EnablingFile.render(image, [...new Set([...before.units, ...units])])
    const old = yield* own(image, file)
    yield* attempt(image, file, () => put(file, text))
    const after = yield* state(image, file, places)
    if (!units.every((unit) => after.units.includes(unit))) {
      yield* attempt(image, file, () => (old === undefined ? drop(file) : put(file, old)))
      return yield* failed(
        image,
        `cannot be enabled: ${after.others.join(", ")} says otherwise`,
        "change that line"
      )
    }
    return { ...after, image, file, made: old === undefined ? "created" : "changed" }
  })

/** Takes away what `enable` made. What others wrote is theirs: it is named. */
export const disable = (
  image: ImageName,
  places: SettingsFile.Places = SettingsFile.DEFAULT_PLACES
): Effect.Effect<Change, Failure> =>
  Effect.gen(function* () {
    const file = fileOf(image, places)
    const old = yield* own(image, file)
    if (old !== undefined) yield* attempt(image, file, () => drop(file))
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

/** Is there anything to disable for an image that is not there any more? */
export const isEnabledByUs = (
  image: ImageName,
  places: SettingsFile.Places = SettingsFile.DEFAULT_PLACES
): boolean => fs.existsSync(fileOf(image, places))

/** In the most important directory of drop-ins. */
const fileOf = (image: ImageName, { dropIns }: SettingsFile.Places): string =>
  `${dropIns[dropIns.length - 1]}/${EnablingFile.nameOf(image, sha256)}`

const state = (image: ImageName, file: string, places: SettingsFile.Places) =>
  Effect.map(SettingsFile.load(undefined, places), ({ settings }) => ({
    units: Settings.forImage(settings, image).wantedby,
    others: (Settings.originsFor(settings, image).wantedby ?? [])
      .filter((place) => place.file !== file)
      .map((place) => `${place.file}:${place.line}`)
  }))

/** The text of our file; one that was edited is not ours any more. */
const own = (image: ImageName, file: string): Effect.Effect<string | undefined, EnablingFailed> =>
  Effect.gen(function* () {
    const text = yield* attempt(image, file, () =>
      fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined
    )
    return text === undefined || EnablingFile.isOurs(image, text)
      ? text
      : yield* failed(
          image,
          `has a file that was changed by hand: ${file}`,
          "change or remove it, and run systemctl daemon-reload"
        )
  })

const put = (file: string, text: string): void => {
  AtomicReplace.replace(file, (temporary) =>
    fs.writeFileSync(temporary, text, { mode: 0o644, flag: "wx", flush: true })
  )
  Durable.flushDirectory(directoryOf(file))
}

const drop = (file: string): void => {
  fs.rmSync(file, { force: true })
  Durable.flushDirectory(directoryOf(file))
}

const directoryOf = (file: string): string => file.slice(0, file.lastIndexOf("/"))

const attempt = <A>(image: ImageName, file: string, body: () => A): Effect.Effect<A, EnablingFailed> =>
  Effect.try({
    try: body,
    catch: (cause) =>
      new EnablingFailed({
        image: display(image),
        reason: `cannot be enabled or disabled: ${file}: ${(cause as NodeJS.ErrnoException).code}`,
        cause
      })
  })

const failed = (image: ImageName, reason: string, hint?: string) =>
  new EnablingFailed({ image: display(image), reason, ...(hint === undefined ? {} : { hint }) })
