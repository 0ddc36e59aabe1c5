/**
 * The throw-away root directory of a machine: an overlay of a pristine tree, with a real directory at /var/lib/oci.
 *
 * `.cache/run/RELEASE-PID-RANDOM/` holds `root` (the mount), `upper` and `work` (what the machine wrote), `state`
 * (/var/lib/oci: no overlay, for the kernel refuses upper directories that lie on one) and `console`. The name tells
 * whose it is, so that the next run can remove what a killed one left behind.
 */
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import { baseRoot, cacheDirectory, nodeRoot, type Release } from "./BaseRoot.ts"
import { run } from "./Command.ts"
import * as Nspawn from "./Nspawn.ts"

const runDirectory = join(cacheDirectory, "run")

/** What would make noise, wait for a network, or start in the middle of a test. */
const MASKED_UNITS = [
  "apt-daily.timer",
  "apt-daily-upgrade.timer",
  "console-getty.service",
  "dpkg-db-backup.timer",
  "e2scrub_all.timer",
  "e2scrub_reap.service",
  "fstrim.timer",
  "getty@tty1.service",
  "ldconfig.service",
  "logrotate.timer",
  "man-db.timer",
  "systemd-journal-catalog-update.service",
  "systemd-networkd-wait-online.service",
  "systemd-networkd.service",
  "systemd-networkd.socket",
  "systemd-resolved.service",
  "systemd-timesyncd.service"
]

/** Kept over reboots, and nothing that a test looks for may be dropped. */
const JOURNALD = "[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\nSystemMaxUse=64M\n"

export interface MachineRoot {
  readonly directory: string
  readonly root: string
  readonly console: string
  readonly name: string
}

const at = (directory: string): MachineRoot => ({
  directory,
  root: join(directory, "root"),
  console: join(directory, "console"),
  name: `oci-${basename(directory)}`
})

const unmountCommand = (machine: MachineRoot): readonly string[] => [
  ...["sh", "-c", 'mountpoint -q "$1" || exit 0; umount -R "$1" 2>/dev/null || umount -R -l "$1"'],
  ...["unmount", machine.root]
]

const removeCommand = (machine: MachineRoot): readonly string[] => [
  ...["rm", "-rf", "--one-file-system", machine.directory]
]

export const make = async (release: Release): Promise<MachineRoot> => {
  const [pristine, node] = await Promise.all([baseRoot(release), nodeRoot(), removeAbandoned()])
  await mkdir(runDirectory, { recursive: true })
  const machine = at(await mkdtemp(join(runDirectory, `${release}-${process.pid}-`)))
  try {
    await mount(machine, [node, pristine])
    await configure(machine, release)
    return machine
  } catch (cause) {
    await remove(machine)
    throw cause
  }
}

const mount = async (machine: MachineRoot, lower: readonly string[]): Promise<void> => {
  const [upper, work, state] = ["upper", "work", "state"].map((name) => join(machine.directory, name))
  for (const directory of [machine.root, upper, work, state]) await mkdir(directory ?? "", { mode: 0o755 })
  const options = `lowerdir=${lower.join(":")},upperdir=${upper},workdir=${work}`
  await run(["mount", "-t", "overlay", "overlay", "-o", options, machine.root])
  await mkdir(join(machine.root, "var/lib/oci"))
  await run(["mount", "--bind", state ?? "", join(machine.root, "var/lib/oci")])
}

const configure = async (machine: MachineRoot, release: Release): Promise<void> => {
  const etc = join(machine.root, "etc")
  await mkdir(join(etc, "systemd/journald.conf.d"), { recursive: true })
  await mkdir(join(machine.root, "var/log/journal"), { recursive: true })
  await writeFile(join(etc, "systemd/journald.conf.d/machine.conf"), JOURNALD)
  await writeFile(join(etc, "hostname"), `${release}\n`)
  await writeFile(join(etc, "hosts"), `127.0.0.1 localhost\n127.0.1.1 ${release}\n`)
  await rm(join(etc, "machine-id"), { force: true })
  await writeFile(join(etc, "machine-id"), `${randomBytes(16).toString("hex")}\n`, { mode: 0o444 })
  for (const unit of MASKED_UNITS) await symlink("/dev/null", join(etc, "systemd/system", unit))
}

/** Ends what still runs in the machine's cgroup, unmounts, deletes. */
export const remove = async (machine: MachineRoot): Promise<void> => {
  await Nspawn.removeCgroup(machine.name)
  await run(unmountCommand(machine))
  await run(removeCommand(machine))
}

/** For the exit hook, which cannot wait for promises. */
export const removeSync = (machine: MachineRoot): void => {
  Nspawn.removeCgroupSync(machine.name)
  for (const [program = "", ...rest] of [unmountCommand(machine), removeCommand(machine)]) {
    spawnSync(program, rest, { stdio: "ignore", timeout: 30_000 })
  }
}

let sweep: Promise<void> | undefined

/** Once a process. Another runner may sweep at the same moment, so what fails here is theirs to finish. */
const removeAbandoned = (): Promise<void> => {
  sweep ??= sweepAbandoned().catch(() => {})
  return sweep
}

/** Removes what test processes that no longer live (killed, power cut) had no chance to remove. */
const sweepAbandoned = async (): Promise<void> => {
  for (const name of await readdir(runDirectory)) {
    const owner = /^\w+-(\d+)-\w+$/.exec(name)?.[1]
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) await remove(at(join(runDirectory, name)))
  }
}
