/** `oci-systemd install`: installs this program on a machine. */
import * as path from "node:path"
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import manifest from "../../../package.json" with { type: "json" }
import * as InstallTree from "../../domain/machine/InstallTree.ts"
import * as Install from "../../program/Install.ts"
import * as InstallSource from "../../services/install/InstallSource.ts"
import * as InstallOptions from "./InstallOptions.ts"

export const install = Command.make(
  "install",
  { root: InstallOptions.root, prefix: InstallOptions.prefix },
  ({ prefix, root }) =>
    Effect.gen(function* () {
      const below = Option.getOrUndefined(Option.map(root, (directory) => path.resolve(directory)))
      const source = yield* Effect.sync(InstallSource.find)
      const { files, keepsConfiguration } = yield* Install.install({
        source,
        root: below,
        prefix,
        version: manifest.version
      })
      yield* Console.log(
        `oci-systemd ${manifest.version} is installed: ${files.length} files below ${below ?? ""}${prefix}`
      )
      if (keepsConfiguration) {
        yield* Console.log(`${below ?? ""}${InstallTree.CONFIGURATION} exists already and was not changed`)
      }
    })
).pipe(
  Command.withDescription(
    "Install this program with its manual pages, completions and a default configuration"
  )
)
