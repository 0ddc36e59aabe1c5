/** `oci-systemd uninstall`: removes this program from a machine. */
import * as path from "node:path"
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as InstallTree from "../../domain/machine/InstallTree.ts"
import * as Uninstall from "../../program/Uninstall.ts"
import * as InstallOptions from "./InstallOptions.ts"

export const uninstall = Command.make(
  "uninstall",
  { root: InstallOptions.root, prefix: InstallOptions.prefix },
  ({ prefix, root }) =>
    Effect.gen(function* () {
      const below = Option.getOrUndefined(Option.map(root, (directory) => path.resolve(directory)))
      const { enabling, files, keepsConfiguration } = yield* Uninstall.uninstall(below, prefix)
      yield* Console.log(`removed ${files.length} files; layouts, extracts and volumes were kept`)
      if (keepsConfiguration) {
        yield* Console.log(
          `${below ?? ""}${InstallTree.CONFIGURATION} was edited since the installation, and was kept`
        )
      }
      for (const file of enabling) {
        yield* Console.log(`${below ?? ""}${file}, which enables an image, was kept`)
      }
    })
).pipe(Command.withDescription("Stop all services of images, and remove what install installed"))
