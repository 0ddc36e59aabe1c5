/**
 * One boot of a root with systemd-nspawn(1), in namespaces and a cgroup that take every process with them when they go.
 *
 * setpriv ─ ties the life of the tree to the test process, even when that one is killed with SIGKILL
 *   unshare ─ mount namespace (nothing shows up on the host) and PID namespace (its first process takes all others along)
 *     sh ─ mounts cgroup2, which systemd 257 and later insist on, and enters a cgroup of the machine's own
 *       systemd-nspawn ─ the container
 *         systemd ─ the machine's PID 1
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { closeSync, openSync, readFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { type CommandResult, cleanEnvironment, run } from "./Command.ts"

/** systemd-nspawn keeps locks and sockets in /run: a private one leaves nothing on the host. */
const ENTER = `
set -e
umount -R /sys/fs/cgroup 2>/dev/null || :
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p "/sys/fs/cgroup/$1"
echo 0 > "/sys/fs/cgroup/$1/cgroup.procs"
shift
"$@"`

/** Kills what is in a cgroup of the cgroup2 hierarchy, wherever the host has that mounted, and removes the cgroup. */
const REMOVE_CGROUP = `
umount -R /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1
group=/sys/fs/cgroup/$1
for attempt in $(seq 200); do
  [ -d "$group" ] || exit 0
  # cgroup.kill came with Linux 5.14.
  echo 1 2>/dev/null > "$group/cgroup.kill" || find "$group" -name cgroup.procs -exec cat {} + | xargs -r kill -KILL
  find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
  [ -d "$group" ] || exit 0
  sleep 0.02
done
echo "cgroup $1 does not empty" >&2
exit 1`

const POLL_INTERVAL = 20

export interface NspawnOptions {
  readonly root: string
  /** Unique on the host: the name of the machine and of its cgroup. */
  readonly name: string
  readonly hostname: string
  /** The path of a network namespace to be in, which others may be in too; otherwise it has one of its own. */
  readonly network?: string
  /** A file that takes what the machine prints on its console. */
  readonly console: string
}

/** A booting or booted machine: the process the host started, and how to find systemd in it. */
export interface Nspawn {
  readonly process: ChildProcess
  /** Settles when the whole tree is gone. */
  readonly ended: Promise<void>
  readonly hasEnded: () => boolean
}

export const start = (options: NspawnOptions): Nspawn => {
  const consoleFile = openSync(options.console, "a")
  const child = spawn(
    "setpriv",
    [
      ...["--pdeathsig", "KILL"],
      ...[
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc"
      ],
      ...["sh", "-c", ENTER, "enter", options.name],
      ...["systemd-nspawn", "--quiet", `--directory=${options.root}`, "--boot"],
      ...[`--machine=${options.name}`, `--hostname=${options.hostname}`],
      // There is no machined to register with, and the cgroup is chosen above.
      ...["--register=no", "--keep-unit"],
      // One of its own has a loopback device: two machines can listen on the same port.
      options.network === undefined ? "--private-network" : `--network-namespace-path=${options.network}`,
      ...["--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=read-only"]
    ],
    {
      env: { ...cleanEnvironment, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" },
      stdio: ["ignore", consoleFile, consoleFile],
      detached: true
    }
  )
  closeSync(consoleFile)
  let gone = false
  const ended = new Promise<void>((resolve) => {
    const settle = (): void => {
      gone = true
      resolve()
    }
    child.on("exit", settle)
    child.on("error", settle)
  })
  // A machine somebody forgot must not keep the runner alive; the exit hook ends it.
  child.unref()
  return { process: child, ended, hasEnded: () => gone }
}

/** Waits for the machine's PID 1 to have all its start jobs done; `undefined` when that did not happen until `deadline`. */
export const booted = async (nspawn: Nspawn, deadline: number): Promise<number | undefined> => {
  while (!nspawn.hasEnded() && Date.now() < deadline) {
    const pid = await innerSystemd(nspawn.process.pid)
    if (pid !== undefined && (await isUp(pid, deadline))) return pid
    await sleep(POLL_INTERVAL)
  }
  return undefined
}

/** The prefix that runs a command inside the machine whose systemd is `pid`. */
export const inside = (pid: number): readonly string[] => ["nsenter", "--target", `${pid}`, "--all"]

const isUp = async (pid: number, deadline: number): Promise<boolean> => {
  const wait = ["systemctl", "is-system-running", "--wait"]
  const timeout = Math.max(1, deadline - Date.now())
  // It fails as long as systemd has no socket yet (and in the moment before the container is complete).
  const state = await run([...inside(pid), ...wait], { check: false, timeout }).catch(() => undefined)
  return state !== undefined && ["running", "degraded"].includes(state.stdout.trim())
}

/** The systemd that is the first process of its PID namespace, among the descendants of `ancestor`. */
const innerSystemd = async (ancestor: number | undefined): Promise<number | undefined> => {
  if (ancestor === undefined) return undefined
  for (const child of childrenSync(ancestor)) {
    const status = await proc(child, "status")
    if (/^Name:\tsystemd$/m.test(status) && /^NSpid:.*\t1$/m.test(status)) return child
    const below = await innerSystemd(child)
    if (below !== undefined) return below
  }
  return undefined
}

/** A file of proc(5); empty when the process is gone. */
const proc = (pid: number, file: string): Promise<string> =>
  readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")

/**
 * Ends the tree at once. The kill is aimed at the first process of the PID namespace, with which the kernel ends all
 * others, and not at its parent: unshare then lives to reap it, and no zombie is left to the host's init.
 */
export const kill = (nspawn: Nspawn): void => {
  const { pid } = nspawn.process
  if (pid === undefined || nspawn.hasEnded()) return
  const below = childrenSync(pid)
  for (const target of below.length === 0 ? [pid] : below) {
    try {
      process.kill(target, "SIGKILL")
    } catch {
      // It ended on its own in the meantime.
    }
  }
}

/** The children of a process of one thread, by proc_pid_children(5). */
const childrenSync = (pid: number): readonly number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number)
  } catch {
    return []
  }
}

const removeCgroupCommand = (name: string): readonly string[] => [
  ...["unshare", "--mount", "--propagation", "private"],
  ...["sh", "-c", REMOVE_CGROUP, "remove-cgroup", name]
]

export const removeCgroup = (name: string): Promise<CommandResult> => run(removeCgroupCommand(name))

/** For the exit hook, which cannot wait for promises. */
export const removeCgroupSync = (name: string): void => {
  const [program = "", ...rest] = removeCgroupCommand(name)
  spawnSync(program, rest, { stdio: "ignore", timeout: 30_000 })
}
