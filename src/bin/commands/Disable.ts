/** `oci-systemd disable`: has images started at boot no longer. */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { display, parse } from "../../domain/naming/ImageName.ts"
import * as UnitName from "../../domain/naming/UnitName.ts"
import type { Catalog } from "../../program/Catalog.ts"
import * as Enable from "../../program/Enable.ts"
import { sha256 } from "../../services/layout/Blobs.ts"
import * as HostProgram from "../../services/host/HostProgram.ts"
import * as Output from "../Output.ts"
import * as CommonOptions from "./CommonOptions.ts"
import * as EnablingOptions from "./EnablingOptions.ts"

const now = EnablingOptions.now("Stop it, too")

export const disable = Command.make(
  "disable",
  { config: CommonOptions.config, now, images: EnablingOptions.images },
  ({ config, images, now }) =>
    Effect.gen(function* () {
      yield* EnablingOptions.requireDropIns(config)
      const { catalog } = yield* CommonOptions.load(config)
      const selected = (yield* Effect.forEach(images, (wanted) => named(catalog, wanted))).flat()
      let isChanged = false
      for (const { image, service } of selected) {
        const { file, made, others } = yield* Enable.disable(image)
        if (made !== "nothing") isChanged = true
        const still = others.length === 0 ? "" : ` It is enabled still, by ${others.join(", ")}.`
        if (made === "nothing") Output.print(`Nothing to do: no unit starts ${service}.`)
        else Output.print(`Removed ${file}.${still}`)
      }
      if (isChanged) yield* EnablingOptions.reload
      if (now) yield* HostProgram.run("systemctl", "stop", "--", ...selected.map(({ service }) => service))
    })
).pipe(Command.withDescription("Have images started at boot no longer"))

/** An image that is gone may be enabled still. */
const named = (catalog: Catalog, wanted: string) => {
  const name = Option.filter(
    parse(wanted),
    (image) =>
      Enable.isEnabledByUs(image) && !catalog.images.some(({ context }) => display(context.name) === wanted)
  )
  return Option.isSome(name)
    ? Effect.succeed([
        { image: name.value, service: UnitName.service(UnitName.fromImage(name.value, sha256)) }
      ])
    : Effect.map(CommonOptions.select(catalog, [wanted]), (found) =>
        found.map(({ context }) => ({ image: context.name, service: UnitName.service(context.stem) }))
      )
}
