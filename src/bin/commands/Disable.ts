/** `oci-systemd disable`: stops starting images at boot. */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { display, parse } from "../../domain/naming/ImageName.ts"
import * as UnitName from "../../domain/naming/UnitName.ts"
import { type Catalog, isImage } from "../../program/Catalog.ts"
import * as Enable from "../../program/Enable.ts"
import * as HostProgram from "../../services/host/HostProgram.ts"
import { sha256 } from "../../services/layout/Blobs.ts"
import * as Output from "../Output.ts"
import * as CommonOptions from "./CommonOptions.ts"
import * as EnablingOptions from "./EnablingOptions.ts"

const now = EnablingOptions.now("Also stop the service now")

export const disable = Command.make(
  "disable",
  { config: CommonOptions.config, now, images: EnablingOptions.images },
  ({ images, now }) =>
    Effect.gen(function* () {
      yield* EnablingOptions.requireDropIns
      const { catalog } = yield* CommonOptions.load()
      const selected = (yield* Effect.forEach(images, (wanted) => named(catalog, wanted))).flat()
      let isChanged = false
      for (const { image, service } of selected) {
        const { file, made, others } = yield* Enable.disable(image)
        if (made !== "nothing") isChanged = true
        const still = others.length === 0 ? "" : ` It is still enabled by ${others.join(", ")}.`
        if (made === "nothing") Output.print(`Nothing to do: no unit starts ${service}.`)
        else Output.print(`Removed ${file}.${still}`)
      }
      if (isChanged) yield* EnablingOptions.reload
      if (now) yield* HostProgram.run("systemctl", "stop", "--", ...selected.map(({ service }) => service))
    })
).pipe(Command.withDescription("Stop starting images at boot"), CommonOptions.reading)

/** Selects by name as well, because an image that is gone, or became an artifact, may still be enabled. */
const named = (catalog: Catalog, wanted: string) => {
  const name = parse(wanted)
  const isGone =
    name !== undefined &&
    Enable.isEnabledByUs(name) &&
    !catalog.images.some((image) => display(image.context.name) === wanted && isImage(image))
  return isGone
    ? Effect.succeed([{ image: name, service: UnitName.service(UnitName.fromImage(name, sha256)) }])
    : Effect.map(CommonOptions.select(catalog, [wanted]), (found) =>
        found.map(({ context }) => ({ image: context.name, service: context.units.service }))
      )
}
