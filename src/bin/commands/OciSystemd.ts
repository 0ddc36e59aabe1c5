/** `oci-systemd` with all its subcommands: what the program runs, and what man pages and completions are made of. */
import * as Command from "@effect/cli/Command"
import { dryRun } from "./DryRun.ts"
import { extract } from "./Extract.ts"
import { inspect } from "./Inspect.ts"
import { list } from "./List.ts"
import { prepare } from "./Prepare.ts"
import { root } from "./Root.ts"
import { verify } from "./Verify.ts"

export const ociSystemd = Command.withSubcommands(root, [list, inspect, dryRun, extract, prepare, verify])
