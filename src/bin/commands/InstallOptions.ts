/** Where `install` and `uninstall` work. */
import * as Options from "@effect/cli/Options"
import * as InstallTree from "../../domain/machine/InstallTree.ts"

export const root = Options.directory("root", { exists: "yes" }).pipe(
  Options.withDescription(
    "The machine whose tree is below this directory, instead of this one; nothing is reloaded"
  ),
  Options.optional
)

export const prefix = Options.choice("prefix", InstallTree.PREFIXES).pipe(
  Options.withDescription("Where programs go: /usr is for what builds packages or images"),
  Options.withDefault(InstallTree.PREFIXES[0])
)
