/** `oci-systemd verify`: checks images and their roots. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import { display } from "../../domain/naming/ImageName.ts"
import * as Catalog from "../../program/Catalog.ts"
import * as ImagesUnread from "../../program/ImagesUnread.ts"
import { requireIntact } from "../../program/NotIntact.ts"
import * as Verify from "../../program/Verify.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import * as ExtractionProgress from "../view/ExtractionProgress.ts"
import * as VerifyPrinter from "../view/VerifyPrinter.ts"
import * as CommonOptions from "./CommonOptions.ts"

const deep = Options.boolean("deep").pipe(
  Options.withDescription("Compare the extracted root with the layers, path by path")
)

const all = Options.boolean("all").pipe(
  Options.withDescription(
    "Print all findings instead of the first 100 of each image; --json always prints all"
  )
)

export const verify = Command.make(
  "verify",
  { config: CommonOptions.config, deep, json: CommonOptions.json, all, images: CommonOptions.images },
  ({ all, deep, images, json }) =>
    Effect.gen(function* () {
      const { settings, catalog } = yield* CommonOptions.load()
      const [seen, hidden] = Array.partition(
        yield* CommonOptions.select(catalog, images),
        ({ isHidden }) => isHidden
      )
      const printer = json ? VerifyPrinter.json() : VerifyPrinter.lines(all ? Infinity : MOST)
      const progress = ExtractionProgress.make()
      const verifications = yield* Verify.verify(seen, {
        deep,
        onBegin: ({ context }) => printer.begin(context.name),
        onFinding: ({ context }, finding) => printer.finding(context.name, finding),
        onEnd: (verification) => {
          progress.end(verification.image)
          printer.end(verification)
        },
        onEvent: progress.onEvent
      }).pipe(Effect.provide(ExtractionServices.layer(settings.system.extractsdir)))
      printer.close()
      yield* requireIntact(verifications)
      yield* ImagesUnread.requireNone([
        ...hidden.map((image) => ({ image: Catalog.nameOf(image) })),
        ...verifications.filter(({ unread }) => unread > 0).map(({ image }) => ({ image: display(image) }))
      ])
    })
).pipe(
  Command.withDescription(
    "Check images (by default all) against their digests, and their roots against their layers"
  ),
  CommonOptions.reading
)

/** How many findings of one image are printed by default. More would not be read. */
const MOST = 100
