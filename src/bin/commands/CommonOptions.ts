/** Options and arguments that the subcommands share: the configuration and the selected images. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Platform from "../../domain/image/Platform.ts"
import type * as Catalog from "../../program/Catalog.ts"
import * as Selection from "../../program/Selection.ts"
import * as ThisMachine from "../../program/ThisMachine.ts"
import * as BoundedDirectory from "../../services/files/BoundedDirectory.ts"
import type * as BoundedFile from "../../services/files/BoundedFile.ts"
import * as Privileges from "../../services/files/Privileges.ts"
import { Layouts } from "../../services/Layouts.ts"
import { Settings } from "../../services/Settings.ts"
import { root } from "./Root.ts"

export { config } from "./Root.ts"

export const json = Options.boolean("json").pipe(
  Options.withDescription("Print JSON with documented, stable fields")
)

export const platform = Options.text("platform").pipe(
  Options.withPseudoName("PLATFORM"),
  Options.withDescription(
    "Take the image for this platform (linux/arm64, linux/arm/v7), not for this machine's"
  ),
  Options.optional
)

/** Parses the platform of the option. */
export const platformOf = (
  text: Option.Option<string>
): Either.Either<Platform.HostPlatform | undefined, ValidationError.ValidationError> => {
  if (Option.isNone(text)) return Either.right(undefined)
  const name = Platform.parse(text.value)
  return name === undefined
    ? Either.left(
        ValidationError.invalidValue(
          HelpDoc.p(`"${text.value}" is not a platform such as linux/arm64 or linux/arm/v7`)
        )
      )
    : Either.right(Platform.machineOf(name))
}

export const image = Args.text({ name: "IMAGE" }).pipe(
  Args.withDescription("LAYOUT:REF (myorg.com/myapp:stable), its unit, or the path of either")
)

export const images = Args.text({ name: "IMAGE" }).pipe(
  Args.withDescription(
    'LAYOUT:REF (myorg.com/myapp:stable), LAYOUT for all its references, a unit, the path of either, or a pattern in quotes ("myorg.com/*"); all images when none is named'
  ),
  Args.repeated
)

/** Provides what a command reads: the configuration of its options, and layouts. */
export const reading = <Name extends string, R, E, A extends { readonly config: Option.Option<string> }>(
  command: Command.Command<Name, R, E, A>
) =>
  Command.provide(command, ({ config }) =>
    Layer.merge(
      Layouts.layer,
      Layer.unwrapEffect(Effect.map(root, (before) => Settings.layer(fileOf(config, before.config))))
    )
  )

/** Returns the file of the option, which may be before or after the subcommand. */
const fileOf = (after: Option.Option<string>, before: Option.Option<string>): string | undefined =>
  Option.getOrUndefined(Option.orElse(after, () => before))

/**
 * Loads settings and catalog, and warns about lines of the settings that are not understood. `telling` warns about
 * the catalog.
 */
export const load = (overrides: ThisMachine.Overrides = {}) =>
  Effect.gen(function* () {
    const { warnings, ...loaded } = yield* ThisMachine.read(overrides)
    yield* requireLayouts(loaded.settings.system.imagelayoutdir)
    yield* Effect.forEach(warnings, (warning) => Effect.logWarning(warning), { discard: true })
    return loaded
  })

/** Fails if the caller lacks permission to look for layouts, instead of reporting that there are none. */
const requireLayouts = (directory: string): Either.Either<void, BoundedFile.FileRefused> => {
  const listing = BoundedDirectory.list(directory, 0)
  return Either.isLeft(listing) && Privileges.isDenied(listing.left) ? Either.left(listing.left) : Either.void
}

/**
 * Warns about problems of the selected layouts, whose paths `choose` returns. Warns about all layouts if all are
 * selected or nothing is found, since a problem may be the reason.
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

/** Selects the images of the arguments, and warns about problems of their layouts. */
export const select = (catalog: Catalog.Catalog, wanted: readonly string[]) =>
  telling(catalog, Selection.select(catalog, wanted), (images) =>
    wanted.length === 0 ? "all" : images.map(({ layoutPath }) => layoutPath)
  )

/** Selects exactly one image. */
export const one = (catalog: Catalog.Catalog, wanted: string) =>
  telling(catalog, Selection.one(catalog, wanted), ({ layoutPath }) => [layoutPath])
