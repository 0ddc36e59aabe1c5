/** `oci-systemd enable`: has images started at boot. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as UnitName from "../../domain/naming/UnitName.ts"
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
  Options.withDescription("The unit that starts it"),
  Options.withDefault("multi-user.target")
)

const now = EnablingOptions.now("Start it, too")

export const enable = Command.make(
  "enable",
  { config: CommonOptions.config, wantedBy, now, images: EnablingOptions.images },
  ({ config, images, now, wantedBy }) =>
    Effect.gen(function* () {
      yield* EnablingOptions.requireDropIns(config)
      const { catalog } = yield* CommonOptions.load(config)
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
        const service = UnitName.service(context.stem)
        const by = `${units.join(", ")} ${units.length === 1 ? "starts" : "start"} ${service}`
        if (made === "nothing")
          Output.print(`Nothing to do: ${by}${others.length === 0 ? "" : `, as ${others.join(", ")} says`}.`)
        else Output.print(`${made === "created" ? "Created" : "Changed"} ${file}: ${by}.`)
        const { problem } = yield* Render.image(image)
        if (problem === undefined) runnable.push(service)
        else if (now) failures.push(Either.left(new Enable.NotStartable({ problem })))
        else yield* Effect.logWarning(`${problem}: until that is mended, ${service} fails when it is started`)
      }
      // An image that was copied just now has no unit to start yet.
      if (isChanged || now) yield* EnablingOptions.reload
      if (now && runnable.length > 0) yield* HostProgram.run("systemctl", "start", "--", ...runnable)
      yield* Extraction.failWithAll(failures)
    })
).pipe(Command.withDescription("Have images started at boot, or with any unit"))
