/** What the subcommands share: the configuration, and the images that are meant. */
import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Catalog from "../../program/Catalog.ts"
import * as Selection from "../../program/Selection.ts"
import * as BoundedDirectory from "../../services/files/BoundedDirectory.ts"
import type * as BoundedFile from "../../services/files/BoundedFile.ts"
import * as CommandPath from "../../services/host/CommandPath.ts"
import * as HostFacts from "../../services/host/HostFacts.ts"
import * as Privileges from "../../services/files/Privileges.ts"
import * as SettingsFile from "../../services/host/SettingsFile.ts"
import { root } from "./Root.ts"

export { config } from "./Root.ts"

export const json = Options.boolean("json").pipe(
  Options.withDescription("Print JSON; its fields are documented, and stay")
)

export const image = Args.text({ name: "IMAGE" }).pipe(
  Args.withDescription("LAYOUT:REF (myorg.com/myapp:stable), its unit, or the path of either")
)

export const images = Args.text({ name: "IMAGE" }).pipe(
  Args.withDescription(
    'LAYOUT:REF (myorg.com/myapp:stable), LAYOUT for all its references, a unit, the path of either, or a pattern in quotes ("myorg.com/*"); all images when none is named'
  ),
  Args.repeated
)

/** Settings and catalogue; what is odd in the settings goes to standard error. What is in the catalogue, `telling` tells. */
export const load = (file: Option.Option<string>, overrides: { readonly systemdVersion?: number } = {}) =>
  Effect.gen(function* () {
    const { warnings, ...loaded } = yield* loadSilently(file, overrides)
    yield* requireLayouts(loaded.settings.system.imagelayoutdir)
    yield* Effect.forEach(warnings, (warning) => Effect.logWarning(warning), { discard: true })
    return loaded
  })

/** Who may not look for layouts would be told that there are none. */
const requireLayouts = (directory: string): Either.Either<void, BoundedFile.FileRefused> => {
  const listing = BoundedDirectory.list(directory, 0)
  return Either.isLeft(listing) && Privileges.isDenied(listing.left) ? Either.left(listing.left) : Either.void
}

/**
 * Tells what is odd about the layouts that are meant, whose paths `choose` gives: about all where that is all of them, or
 * where nothing is found, since that may be why.
 */
export const telling = <A, E, R>(
  { remarks }: Catalog.Catalog,
  choose: Effect.Effect<A, E, R>,
  pathsOf: (chosen: A) => readonly (string | null)[] | "all"
): Effect.Effect<A, E, R> => {
  const tell = (paths: readonly (string | null)[] | "all") => {
    const meant = new Set(paths)
    return Effect.forEach(
      remarks.filter((remark) => paths === "all" || remark.paths.some((path) => meant.has(path))),
      ({ text }) => Effect.logWarning(text),
      { discard: true }
    )
  }
  return choose.pipe(
    Effect.tapError(() => tell("all")),
    Effect.tap((chosen) => tell(pathsOf(chosen)))
  )
}

/** The images that are meant, with a word on what is odd about them. */
export const select = (catalog: Catalog.Catalog, wanted: readonly string[]) =>
  telling(catalog, Selection.select(catalog, wanted), (images) =>
    wanted.length === 0 ? "all" : images.map(({ layoutPath }) => layoutPath)
  )

/** The one that is meant. */
export const one = (catalog: Catalog.Catalog, wanted: string) =>
  telling(catalog, Selection.one(catalog, wanted), ({ layoutPath }) => [layoutPath])

/** The same, with what is odd as data. */
export const loadSilently = (
  file: Option.Option<string>,
  overrides: { readonly systemdVersion?: number } = {}
) =>
  Effect.gen(function* () {
    const { settings, host, platform, warnings } = yield* surroundings(file, overrides)
    const catalog = yield* Catalog.load(settings, host, platform)
    return { settings, catalog, host, warnings }
  })

/** What an image is looked at with: the settings, with what is odd in them, and the machine. */
export const surroundings = (
  file: Option.Option<string>,
  overrides: { readonly systemdVersion?: number } = {}
) =>
  Effect.gen(function* () {
    const configFile = yield* fileOf(file)
    const { settings, warnings } = yield* SettingsFile.load(configFile)
    const host = HostFacts.unitHost(
      { systemdversion: overrides.systemdVersion ?? settings.system.systemdversion },
      { cli: CommandPath.cli(), configFile }
    )
    return { settings, host, platform: HostFacts.platform(), warnings }
  })

/** Taken before the subcommand and after it. */
export const fileOf = (file: Option.Option<string>) =>
  Effect.map(root, (before) => Option.getOrUndefined(Option.orElse(file, () => before.config)))
