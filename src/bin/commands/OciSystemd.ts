/**
 * `oci-systemd` with all its subcommands. The program, its help, its manual pages and its completions are made from
 * this definition.
 */
import * as Command from "@effect/cli/Command"
import type { Group } from "../Help.ts"
import { diff } from "./Diff.ts"
import { disable } from "./Disable.ts"
import { doctor } from "./Doctor.ts"
import { dryRun } from "./DryRun.ts"
import { enable } from "./Enable.ts"
import { extract } from "./Extract.ts"
import { gc } from "./Gc.ts"
import { inspect } from "./Inspect.ts"
import { install } from "./Install.ts"
import { list } from "./List.ts"
import { mount, unmount } from "./Mount.ts"
import { name } from "./Name.ts"
import { prepare } from "./Prepare.ts"
import { remove } from "./Remove.ts"
import { root } from "./Root.ts"
import { uninstall } from "./Uninstall.ts"
import { unpack } from "./Unpack.ts"
import { verify } from "./Verify.ts"

export const ociSystemd = Command.withSubcommands(root, [
  list,
  inspect,
  name,
  diff,
  dryRun,
  enable,
  disable,
  extract,
  unpack,
  mount,
  unmount,
  verify,
  remove,
  gc,
  doctor,
  install,
  uninstall,
  prepare
])

/** All commands, grouped as help shows them. */
export const GROUPS: readonly Group[] = [
  { title: "Look", commands: ["list", "inspect", "name", "diff", "dry-run"] },
  { title: "Start at boot", commands: ["enable", "disable"] },
  { title: "Keep", commands: ["extract", "unpack", "mount", "unmount", "verify", "remove", "gc", "doctor"] },
  { title: "This program", commands: ["install", "uninstall"] },
  { title: "For the units", commands: ["prepare"] }
]
