/** The options of `oci-systemd` itself, before the subcommand. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as SettingsFile from "../../services/host/SettingsFile.ts"

/** The configuration file. It is accepted before and after the subcommand. */
export const config = Options.file("config").pipe(
  Options.withPseudoName("FILE"),
  Options.withDescription(
    `Read this configuration file, and no drop-ins, instead of ${SettingsFile.DEFAULT_FILE}`
  ),
  Options.optional
)

export const root = Command.make("oci-systemd", { config }).pipe(
  Command.withDescription("Run OCI images as native systemd services, with no container runtime")
)
