/** `oci-systemd mount` and `unmount`: the root of an image at a directory, read-only. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { display } from "../../domain/naming/ImageName.ts"
import * as Printable from "../../domain/text/Printable.ts"
import * as MountRoot from "../../program/MountRoot.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import { NativeCalls } from "../../services/files/NativeCalls.ts"
import * as ErrorReport from "../ErrorReport.ts"
import * as Output from "../Output.ts"
import * as ExtractionProgress from "../view/ExtractionProgress.ts"
import * as CommonOptions from "./CommonOptions.ts"

const empty = Args.text({ name: "DIRECTORY" }).pipe(
  Args.withDescription("Where to: an existing empty directory")
)

const mounted = Args.text({ name: "DIRECTORY" }).pipe(
  Args.withDescription("Where the root of an image is mounted")
)

export const mount = Command.make(
  "mount",
  {
    config: CommonOptions.config,
    platform: CommonOptions.platform,
    image: CommonOptions.image,
    directory: empty
  },
  ({ directory, image: wanted, platform: text }) =>
    Effect.gen(function* () {
      const platform = yield* CommonOptions.platformOf(text)
      const { settings, catalog } = yield* CommonOptions.load()
      const image = yield* CommonOptions.one(catalog, wanted)
      const { end, onEvent } = ExtractionProgress.make(Output.tell)
      const options = { onEvent, ...(platform === undefined ? {} : { platform }) }
      yield* MountRoot.mount(image, directory, options).pipe(
        Effect.annotateLogs(ErrorReport.ABOUT, display(image.context.name)),
        Effect.ensuring(Effect.sync(() => end(image.context.name))),
        Effect.provide(ExtractionServices.layer(settings.system.extractsdir))
      )
      Output.print(Printable.line(`${display(image.context.name)}: mounted at ${directory}`))
    })
).pipe(Command.withDescription("Mount the root of an image at a directory, read-only"), CommonOptions.reading)

export const unmount = Command.make("unmount", { directory: mounted }, ({ directory }) =>
  MountRoot.unmount(directory).pipe(Effect.provide(NativeCalls.layer))
).pipe(Command.withDescription("Unmount the root of an image from a directory"))
