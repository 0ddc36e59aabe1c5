/** Finds out what the machine's mount(8) and kernel can do with the table of a root's mounts. */

import * as fs from "node:fs"
import * as os from "node:os"
import { dirname } from "node:path"
import * as Command from "@effect/platform/Command"
import type { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as MountInfo from "../../domain/machine/MountInfo.ts"
import type { MountProgram } from "../../domain/unit/MountTable.ts"
import * as MountTable from "../host/MountTable.ts"

/**
 * The kernel is too old. It ignores flags that it does not know, so links that a service has left in its root
 * or volumes would be followed.
 */
export class KernelTooOld extends Data.TaggedError("KernelTooOld")<{
  readonly release: string
}> {
  override get message(): string {
    return `Linux ${this.release} cannot mount without following links that a service has left: root = persistent and volumes inside one another need Linux 5.10`
  }
}

/** Fails if the kernel does not know `nosymfollow`. */
export const requireUnfollowedLinks = (release: string = os.release()): Effect.Effect<void, KernelTooOld> =>
  isAtLeast(release, [5, 10]) ? Effect.void : Effect.fail(new KernelTooOld({ release }))

export const look: Effect.Effect<MountProgram, never, CommandExecutor> = Command.make(
  "mount",
  "--version"
).pipe(
  Command.string,
  Effect.orElseSucceed(() => ""),
  Effect.map((text) => ({
    addsFlags:
      isAtLeast(/util-linux ([0-9.]+)/.exec(text)?.[1] ?? "0", [2, 39]) && isAtLeast(os.release(), [5, 12]),
    flagsOf
  }))
)

const isAtLeast = (version: string, [major, minor]: readonly [number, number]): boolean => {
  const [first = 0, second = 0] = version.split(/[^0-9]+/).map(Number)
  return first > major || (first === major && second >= minor)
}

/** Returns the restricting flags of the mount that contains a path (proc_pid_mountinfo(5)). */
const flagsOf = (path: string): readonly string[] => {
  const real = existing(path)
  return (MountInfo.around(MountTable.read(), real)?.options ?? []).filter((name) => RESTRICTING.has(name))
}

/** Whether other file systems are mounted inside a directory. */
export const hasMountsInside = (directory: string): boolean => {
  const real = existing(directory)
  return MountTable.read().some(({ point }) => point.startsWith(`${real}/`))
}

/** Returns the path without links, as far as it exists. The missing part will be made on the same mount. */
const existing = (path: string): string => {
  try {
    return fs.realpathSync(path)
  } catch {
    return path === "/" ? path : existing(dirname(path))
  }
}

const RESTRICTING: ReadonlySet<string> = new Set(["ro", "nosuid", "nodev", "noexec", "nosymfollow"])
