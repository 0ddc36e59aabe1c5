/** The options of `install` and `uninstall`. */
import * as Options from "@effect/cli/Options"
import * as InstallTree from "../../domain/machine/InstallTree.ts"

export const root = Options.directory("root", { exists: "yes" }).pipe(
  Options.withDescription(
    "Work on the file system tree in this directory instead of on this machine; nothing is reloaded"
  ),
  Options.optional
)

export const prefix = Options.choice("prefix", InstallTree.PREFIXES).pipe(
  Options.withDescription("Where programs go; /usr is for building packages or images"),
  Options.withDefault(InstallTree.PREFIXES[0])
)
