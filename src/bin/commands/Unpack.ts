/** `oci-systemd unpack`: writes the root of an image to a plain directory. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { display } from "../../domain/naming/ImageName.ts"
import * as Printable from "../../domain/text/Printable.ts"
import * as Unpack from "../../program/Unpack.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import * as MissingPrivileges from "../../services/files/MissingPrivileges.ts"
import * as ErrorReport from "../ErrorReport.ts"
import * as Output from "../Output.ts"
import * as ExtractionProgress from "../view/ExtractionProgress.ts"
import * as CommonOptions from "./CommonOptions.ts"
import { strict } from "./Extract.ts"

const directory = Args.text({ name: "DIRECTORY" }).pipe(
  Args.withDescription("Where to: an empty directory, or one to be made")
)

export const unpack = Command.make(
  "unpack",
  {
    config: CommonOptions.config,
    strict,
    platform: CommonOptions.platform,
    image: CommonOptions.image,
    directory
  },
  ({ directory, image: wanted, platform: text, strict }) =>
    Effect.gen(function* () {
      const platform = yield* CommonOptions.platformOf(text)
      const { settings, catalog } = yield* CommonOptions.load()
      const image = yield* CommonOptions.one(catalog, wanted)
      const { end, onEvent } = ExtractionProgress.make(Output.tell)
      const options = { onEvent, strict, ...(platform === undefined ? {} : { platform }) }
      const { missingPrivileges } = yield* Unpack.unpack(image, directory, options).pipe(
        Effect.annotateLogs(ErrorReport.ABOUT, display(image.context.name)),
        Effect.ensuring(Effect.sync(() => end(image.context.name))),
        Effect.provide(ExtractionServices.layer(settings.system.extractsdir))
      )
      for (const missing of missingPrivileges) yield* Effect.logWarning(MissingPrivileges.render(missing))
      Output.print(Printable.line(`${display(image.context.name)}: unpacked to ${directory}`))
    })
).pipe(
  Command.withDescription("Write the root of an image to a plain directory, for any use"),
  CommonOptions.reading
)
