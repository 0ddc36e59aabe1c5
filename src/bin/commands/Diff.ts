/** `oci-systemd diff`: lists what the service of an image has written to its root. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Printable from "../../domain/text/Printable.ts"
import { nameOf } from "../../program/Catalog.ts"
import * as RootDiff from "../../program/RootDiff.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import * as Output from "../Output.ts"
import * as DiffPrinter from "../view/DiffPrinter.ts"
import * as CommonOptions from "./CommonOptions.ts"

const all = Options.boolean("all").pipe(
  Options.withDescription("Also list every path below a directory that is new")
)

export const diff = Command.make(
  "diff",
  { config: CommonOptions.config, json: CommonOptions.json, all, image: CommonOptions.image },
  ({ all, image: wanted, json }) =>
    Effect.gen(function* () {
      const { catalog, settings } = yield* CommonOptions.load()
      const image = yield* CommonOptions.one(catalog, wanted)
      const printer = json ? DiffPrinter.json() : DiffPrinter.lines()
      const diffed = yield* RootDiff.diff(image, { all, onChange: printer.change }).pipe(
        Effect.provide(ExtractionServices.layer(settings.system.extractsdir))
      )
      printer.close()
      Output.tell(Printable.line(conclusion(nameOf(image), diffed)))
    })
).pipe(
  Command.withDescription("List what a service has written to its root, which a volume could keep"),
  CommonOptions.reading
)

/** Says whether the changes are kept, or why nothing has changed. */
const conclusion = (image: string, { changes, isRunning, root }: RootDiff.Diffed): string => {
  if (root === "readonly")
    return `The root of ${image} is read-only: its service writes to volumes, /run, /tmp and /var/tmp alone.`
  if (root === "ephemeral" && !isRunning)
    return `${image} does not run, and its root is ephemeral: nothing is left of what it wrote there.`
  if (changes === 0) return `The service of ${image} has written nothing to its root.`
  return root === "persistent" ? KEPT : LOST
}

const LOST =
  "All of this is lost when the service stops. In the configuration, volume = HOST:PATH keeps a directory, and root = persistent all."
const KEPT =
  "This is kept when the service stops. In the configuration, volume = HOST:PATH keeps a directory outside of the root."
