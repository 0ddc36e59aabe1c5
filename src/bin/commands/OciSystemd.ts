/** `oci-systemd` with all its subcommands: what the program runs, and what help, man pages and completions are made of. */
import * as Command from "@effect/cli/Command"
import type { Group } from "../Help.ts"
import { disable } from "./Disable.ts"
import { doctor } from "./Doctor.ts"
import { dryRun } from "./DryRun.ts"
import { enable } from "./Enable.ts"
import { extract } from "./Extract.ts"
import { gc } from "./Gc.ts"
import { inspect } from "./Inspect.ts"
import { install } from "./Install.ts"
import { list } from "./List.ts"
import { name } from "./Name.ts"
import { prepare } from "./Prepare.ts"
import { root } from "./Root.ts"
import { uninstall } from "./Uninstall.ts"
import { verify } from "./Verify.ts"

export const ociSystemd = Command.withSubcommands(root, [
  list,
  inspect,
  name,
  dryRun,
  enable,
  disable,
  extract,
  verify,
  gc,
  doctor,
  install,
  uninstall,
  prepare
])

/** All of them, as help shows them. */
export const GROUPS: readonly Group[] = [
  { title: "Look", commands: ["list", "inspect", "name", "dry-run"] },
  { title: "Start at boot", commands: ["enable", "disable"] },
  { title: "Keep", commands: ["extract", "verify", "gc", "doctor"] },
  { title: "This program", commands: ["install", "uninstall"] },
  { title: "For the units", commands: ["prepare"] }
]
