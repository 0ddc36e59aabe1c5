/** `oci-systemd enable`: starts images at boot. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { nameOf } from "../../program/Catalog.ts"
import * as Enable from "../../program/Enable.ts"
import * as ImagesUnread from "../../program/ImagesUnread.ts"
import * as Render from "../../program/Render.ts"
import * as HostProgram from "../../services/host/HostProgram.ts"
import * as Output from "../Output.ts"
import * as CommonOptions from "./CommonOptions.ts"
import * as EnablingOptions from "./EnablingOptions.ts"
import * as Extraction from "./Extraction.ts"

const wantedBy = Options.text("wanted-by").pipe(
  Options.withPseudoName("UNIT"),
  Options.withDescription("The unit that starts the service"),
  Options.withDefault("multi-user.target")
)

const now = EnablingOptions.now("Also start the service now")

export const enable = Command.make(
  "enable",
  { config: CommonOptions.config, wantedBy, now, images: EnablingOptions.images },
  ({ images, now, wantedBy }) =>
    Effect.gen(function* () {
      yield* EnablingOptions.requireDropIns
      const { catalog } = yield* CommonOptions.load()
      const selected = yield* CommonOptions.select(catalog, images)
      yield* ImagesUnread.requireNone(
        selected.filter(({ isHidden }) => isHidden).map((image) => ({ image: nameOf(image) }))
      )
      const runnable: string[] = []
      const failures: Array<Either.Either<never, Enable.NotStartable>> = []
      let isChanged = false
      for (const image of selected) {
        const { context } = image
        const { file, made, others, units } = yield* Enable.enable(context.name, [wantedBy])
        if (made !== "nothing") isChanged = true
        const service = context.units.service
        const by = `${units.join(", ")} ${units.length === 1 ? "starts" : "start"} ${service}`
        if (made === "nothing")
          Output.print(`Nothing to do: ${by}${others.length === 0 ? "" : `, as ${others.join(", ")} says`}.`)
        else Output.print(`${made === "created" ? "Created" : "Changed"} ${file}: ${by}.`)
        const { problem } = Render.image(image)
        if (problem === undefined) runnable.push(service)
        else if (now) failures.push(Either.left(new Enable.NotStartable({ problem })))
        else yield* Effect.logWarning(`${problem}: until that is fixed, ${service} fails when it is started`)
      }
      // systemd may not know the unit yet, if the image was copied just now.
      if (isChanged || now) yield* EnablingOptions.reload
      if (now && runnable.length > 0) yield* HostProgram.run("systemctl", "start", "--", ...runnable)
      yield* Extraction.failWithAll(failures)
    })
).pipe(Command.withDescription("Start images at boot, or with any unit"), CommonOptions.reading)
