// test/e2e/support/Installed.ts

// test/e2e/support/Command.ts
import { spawn } from "node:child_process"
import { existsSync as existsSync2 } from "node:fs"
// test/e2e/support/Machine.ts
import { mkdir as mkdir3, readFile as readFile2, symlink as symlink2 } from "node:fs/promises"
import { dirname, dirname as dirname2, join as join3, join as join4 } from "node:path"
import { setTimeout as sleep2 } from "node:timers/promises"
import { fileURLToPath as fileURLToPath2 } from "node:url"

var DEFAULT_TIMEOUT = 12e4
var PIPE_GRACE = 500
var cleanEnvironment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  LANG: "C.UTF-8",
  TERM: "dumb",
  SYSTEMD_COLORS: "0",
  SYSTEMD_PAGER: "",
  SYSTEMD_URLIFY: "0"
}
var CommandFailed = class extends Error {
  argv
  result
  constructor(argv, result, reason) {
    super(`${argv.join(" ")}: ${reason}
${result.stdout}${result.stderr}`)
    this.name = "CommandFailed"
    this.argv = argv
    this.result = result
  }
}
var run = (argv, options = {}) => {
  const { check = true, timeout = DEFAULT_TIMEOUT } = options
  const [program = "", ...rest] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      cwd: options.cwd,
      env: { ...cleanEnvironment, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true
    })
    const stdout = []
    const stderr = []
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      killGroup(child.pid)
    }, timeout)
    child.stdout.on("data", (chunk) => stdout.push(chunk))
    child.stderr.on("data", (chunk) => stderr.push(chunk))
    child.stdin.on("error", () => {})
    child.stdin.end(options.stdin)
    child.on("error", (cause) => {
      clearTimeout(timer)
      reject(cause)
    })
    child.on("exit", () => {
      setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
      }, PIPE_GRACE).unref()
    })
    child.on("close", (code, signal) => {
      clearTimeout(timer)
      const result = {
        code: code ?? 128,
        stdout: Buffer.concat(stdout).toString("utf8"),
        stderr: Buffer.concat(stderr).toString("utf8")
      }
      if (timedOut) reject(new CommandFailed(argv, result, `killed after ${timeout} ms`))
      else if (check && result.code !== 0) {
        reject(new CommandFailed(argv, result, signal ? `died of ${signal}` : `exit code ${result.code}`))
      } else resolve(result)
    })
  })
}
var killGroup = (pid) => {
  if (pid === void 0) return
  try {
    process.kill(-pid, "SIGKILL")
  } catch {}
}

// test/e2e/support/MachineRoot.ts
import { spawnSync as spawnSync2 } from "node:child_process"
import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
// test/e2e/support/BaseRoot.ts
import {
  access,
  chmod,
  copyFile,
  mkdir,
  mkdir as mkdir2,
  mkdtemp,
  readdir,
  rename,
  rm,
  rm as rm2,
  symlink,
  writeFile
} from "node:fs/promises"
import { basename, join, join as join2 } from "node:path"
import { fileURLToPath } from "node:url"

var cacheDirectory = fileURLToPath(new URL("../../../.cache/", import.meta.url))
var machinesDirectory = join(cacheDirectory, "machines")
var PACKAGES = "systemd,systemd-sysv,dbus,libnss-systemd"
var BOOTSTRAP_TIMEOUT = 15 * 6e4
var BOOTSTRAP = `
set -e
if [ ! -d "$2" ]; then
  rm -rf "$2.partial"
  debootstrap --variant=minbase --include="$3" "$1" "$2.partial" $4
  rm -rf "$2.partial"/var/cache/apt/archives/*.deb
  mv "$2.partial" "$2"
fi`
var exists = (path) =>
  access(path).then(
    () => true,
    () => false
  )
var baseRootPath = (release2) => join(machinesDirectory, release2)
var baseRoot = (release2) => bootstrap(release2, baseRootPath(release2))
var bootstrap = async (release2, directory) => {
  if (await exists(directory)) return directory
  await mkdir(join(directory, ".."), { recursive: true })
  const mirror = process.env.DEBOOTSTRAP_MIRROR ?? ""
  await run(
    ["flock", `${directory}.lock`, "sh", "-c", BOOTSTRAP, "bootstrap", release2, directory, PACKAGES, mirror],
    { timeout: BOOTSTRAP_TIMEOUT, env: proxies() }
  )
  return directory
}
var nodeRoot = async () => {
  const directory = join(machinesDirectory, `node-${process.version}-${process.arch}`)
  if (await exists(directory)) return directory
  const partial = `${directory}.partial-${process.pid}`
  await mkdir(join(partial, "usr/bin"), { recursive: true })
  await copyFile(process.execPath, join(partial, "usr/bin/node"))
  await chmod(join(partial, "usr/bin/node"), 493)
  await rename(partial, directory).catch(() => rm(partial, { recursive: true }))
  return directory
}
var proxies = () => {
  const found = { ...cleanEnvironment }
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== void 0 && /^(https?|ftp|no)_proxy$/i.test(name)) found[name] = value
  }
  return found
}

// test/e2e/support/Nspawn.ts
import { spawn as spawn2, spawnSync } from "node:child_process"
import { closeSync, openSync, readFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"

var ENTER = `
set -e
umount -R /sys/fs/cgroup 2>/dev/null || :
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p "/sys/fs/cgroup/$1"
echo 0 > "/sys/fs/cgroup/$1/cgroup.procs"
shift
"$@"`
var REMOVE_CGROUP = `
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
var POLL_INTERVAL = 20
var start = (options) => {
  const consoleFile = openSync(options.console, "a")
  const child = spawn2(
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
      // A network of its own, with a loopback device: two machines can listen on the same port.
      "--private-network",
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
  const ended = new Promise((resolve) => {
    const settle = () => {
      gone = true
      resolve()
    }
    child.on("exit", settle)
    child.on("error", settle)
  })
  child.unref()
  return { process: child, ended, hasEnded: () => gone }
}
var booted = async (nspawn, deadline) => {
  while (!nspawn.hasEnded() && Date.now() < deadline) {
    const pid = await innerSystemd(nspawn.process.pid)
    if (pid !== void 0 && (await isUp(pid, deadline))) return pid
    await sleep(POLL_INTERVAL)
  }
  return void 0
}
var inside = (pid) => ["nsenter", "--target", `${pid}`, "--all"]
var isUp = async (pid, deadline) => {
  const wait = ["systemctl", "is-system-running", "--wait"]
  const timeout = Math.max(1, deadline - Date.now())
  const state = await run([...inside(pid), ...wait], { check: false, timeout }).catch(() => void 0)
  return state !== void 0 && ["running", "degraded"].includes(state.stdout.trim())
}
var innerSystemd = async (ancestor) => {
  if (ancestor === void 0) return void 0
  for (const child of childrenSync(ancestor)) {
    const status = await proc(child, "status")
    if (/^Name:\tsystemd$/m.test(status) && /^NSpid:.*\t1$/m.test(status)) return child
    const below = await innerSystemd(child)
    if (below !== void 0) return below
  }
  return void 0
}
var proc = (pid, file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")
var kill = (nspawn) => {
  const { pid } = nspawn.process
  if (pid === void 0 || nspawn.hasEnded()) return
  const below = childrenSync(pid)
  for (const target of below.length === 0 ? [pid] : below) {
    try {
      process.kill(target, "SIGKILL")
    } catch {}
  }
}
var childrenSync = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number)
  } catch {
    return []
  }
}
var removeCgroupCommand = (name) => [
  ...["unshare", "--mount", "--propagation", "private"],
  ...["sh", "-c", REMOVE_CGROUP, "remove-cgroup", name]
]
var removeCgroup = (name) => run(removeCgroupCommand(name))
var removeCgroupSync = (name) => {
  const [program = "", ...rest] = removeCgroupCommand(name)
  spawnSync(program, rest, { stdio: "ignore", timeout: 3e4 })
}

// test/e2e/support/MachineRoot.ts
var runDirectory = join2(cacheDirectory, "run")
var MASKED_UNITS = [
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
var JOURNALD = "[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\nSystemMaxUse=64M\n"
var at = (directory) => ({
  directory,
  root: join2(directory, "root"),
  console: join2(directory, "console"),
  name: `oci-${basename(directory)}`
})
var unmountCommand = (machine) => [
  ...["sh", "-c", 'mountpoint -q "$1" || exit 0; umount -R "$1" 2>/dev/null || umount -R -l "$1"'],
  ...["unmount", machine.root]
]
var removeCommand = (machine) => [...["rm", "-rf", "--one-file-system", machine.directory]]
var make = async (release2) => {
  const [pristine, node] = await Promise.all([baseRoot(release2), nodeRoot(), removeAbandoned()])
  await mkdir2(runDirectory, { recursive: true })
  const machine = at(await mkdtemp(join2(runDirectory, `${release2}-${process.pid}-`)))
  try {
    await mount(machine, [node, pristine])
    await configure(machine, release2)
    return machine
  } catch (cause) {
    await remove(machine)
    throw cause
  }
}
var mount = async (machine, lower) => {
  const [upper, work, state] = ["upper", "work", "state"].map((name) => join2(machine.directory, name))
  for (const directory of [machine.root, upper, work, state]) await mkdir2(directory ?? "", { mode: 493 })
  const options = `lowerdir=${lower.join(":")},upperdir=${upper},workdir=${work}`
  await run(["mount", "-t", "overlay", "overlay", "-o", options, machine.root])
  await mkdir2(join2(machine.root, "var/lib/oci"))
  await run(["mount", "--bind", state ?? "", join2(machine.root, "var/lib/oci")])
}
var configure = async (machine, release2) => {
  const etc = join2(machine.root, "etc")
  await mkdir2(join2(etc, "systemd/journald.conf.d"), { recursive: true })
  await mkdir2(join2(machine.root, "var/log/journal"), { recursive: true })
  await writeFile(join2(etc, "systemd/journald.conf.d/machine.conf"), JOURNALD)
  await writeFile(
    join2(etc, "hostname"),
    `${release2}
`
  )
  await writeFile(
    join2(etc, "hosts"),
    `127.0.0.1 localhost
127.0.1.1 ${release2}
`
  )
  await rm2(join2(etc, "machine-id"), { force: true })
  await writeFile(
    join2(etc, "machine-id"),
    `${randomBytes(16).toString("hex")}
`,
    { mode: 292 }
  )
  for (const unit of MASKED_UNITS) await symlink("/dev/null", join2(etc, "systemd/system", unit))
}
var remove = async (machine) => {
  await removeCgroup(machine.name)
  await run(unmountCommand(machine))
  await run(removeCommand(machine))
}
var removeSync = (machine) => {
  removeCgroupSync(machine.name)
  for (const [program = "", ...rest] of [unmountCommand(machine), removeCommand(machine)]) {
    spawnSync2(program, rest, { stdio: "ignore", timeout: 3e4 })
  }
}
var sweep
var removeAbandoned = () => {
  sweep ??= sweepAbandoned().catch(() => {})
  return sweep
}
var sweepAbandoned = async () => {
  for (const name of await readdir(runDirectory)) {
    const owner = /^\w+-(\d+)-\w+$/.exec(name)?.[1]
    if (owner !== void 0 && !existsSync(`/proc/${owner}`)) await remove(at(join2(runDirectory, name)))
  }
}

// test/e2e/support/Machine.ts
var BOOT_TIMEOUT = 12e4
var POWER_OFF_TIMEOUT = 3e4
var CONSOLE_LINES = 100
var NOT_SHARED = /^\/(dev|proc|run|sys|tmp)(\/|$)/
var WRITE = 'mkdir -p "$(dirname "$1")" && cat > "$1" && { [ -z "$2" ] || chmod "$2" "$1"; }'
var live = /* @__PURE__ */ new Set()
var Machine = class _Machine {
  release
  place
  current
  booting
  constructor(release2, place) {
    this.release = release2
    this.place = place
  }
  /** A new machine, switched off. Nothing of it outlives `dispose()`, nor the test process. */
  static async create(release2, options = {}) {
    watchExit()
    const machine = new _Machine(release2, await make(release2))
    live.add(machine)
    try {
      for (const [path, source] of Object.entries(options.files ?? {})) await machine.copyIn(source, path)
      await options.setup?.(machine.root)
      await run(["chroot", machine.root, "/usr/bin/node", "--version"])
      return machine
    } catch (cause) {
      await machine.dispose()
      throw cause
    }
  }
  /** The root as the host sees it. It holds all but /run, /tmp, /dev, /proc and /sys of a running machine. */
  get root() {
    return this.place.root
  }
  /** The unique name of the machine, of its cgroup, and the end of its directory's. */
  get name() {
    return this.place.name
  }
  get isRunning() {
    return this.current !== void 0 && !this.current.nspawn.hasEnded()
  }
  /** The host's number for the machine's systemd. */
  get pid() {
    if (this.current === void 0 || !this.isRunning) throw new Error(`machine ${this.name} is off`)
    return this.current.pid
  }
  /** Boots and waits until systemd says "running" or "degraded"; an error quotes the console. */
  async boot(timeout = BOOT_TIMEOUT) {
    if (this.isRunning || this.booting !== void 0) throw new Error(`machine ${this.name} is already on`)
    const nspawn = start({ ...this.place, hostname: this.release })
    this.booting = nspawn
    const pid = await booted(nspawn, Date.now() + timeout)
    this.booting = void 0
    if (pid === void 0) {
      const what = nspawn.hasEnded() ? "ended while it booted" : `was not up after ${timeout} ms`
      await this.end(nspawn)
      throw new Error(`machine ${this.name} ${what}; its console:
${await this.console()}`)
    }
    this.current = { nspawn, pid }
  }
  /** Runs a program, or a line of shell, in the running machine. Throws `CommandFailed` unless `check` is false. */
  run(command, options = {}) {
    const argv = typeof command === "string" ? ["sh", "-c", command] : command
    return run([...inside(this.pid), ...argv], options)
  }
  /** Writes a file, with its directories, in the running machine or in its root when it is off. */
  async write(path, content, mode) {
    const argv = ["sh", "-c", WRITE, "write", path, mode === void 0 ? "" : mode.toString(8)]
    await run([...this.enter(), ...argv], { stdin: content })
  }
  /** The text of a file, seen as `write` does. */
  async read(path) {
    return (await run([...this.enter(), "cat", "--", path])).stdout
  }
  /** Copies a file or directory of the host, with owners, modes and extended attributes, to exactly `path`. */
  async copyIn(source, path) {
    if (NOT_SHARED.test(path)) throw new Error(`${path} belongs to the running machine alone`)
    const target = join3(this.root, path)
    await run(["mkdir", "-p", dirname(target)])
    await run(["cp", "--archive", "--no-target-directory", source, target])
  }
  /** What a unit wrote to the journal in this boot, without the journal's own columns. */
  async journal(unit) {
    await this.run(["journalctl", "--sync"])
    return (await this.run(["journalctl", "--boot", "--no-pager", "--output=cat", `--unit=${unit}`])).stdout
  }
  /** The end of what the machine printed on its console, over all its boots. */
  async console() {
    const text = await readFile2(this.place.console, "utf8").catch(() => "")
    return text.replaceAll("\r", "").split("\n").slice(-CONSOLE_LINES).join("\n")
  }
  /** An orderly shutdown; after `timeout` milliseconds the power is cut, and the answer is false. */
  async powerOff(timeout = POWER_OFF_TIMEOUT) {
    if (this.current === void 0) return true
    const { nspawn, pid } = this.current
    const cancel = new AbortController()
    const request = run([...inside(pid), "systemctl", "exit", "0"], { check: false, timeout })
    const late = sleep2(timeout, void 0, { signal: cancel.signal }).catch(() => void 0)
    await Promise.race([nspawn.ended, late])
    cancel.abort()
    const orderly = nspawn.hasEnded()
    await this.end(nspawn)
    await request.catch(() => void 0)
    return orderly
  }
  /** Ends everything in the machine at once, as pulling the plug does. */
  async cutPower() {
    if (this.current !== void 0) await this.end(this.current.nspawn)
  }
  /** Off and on again, with the same root. */
  async reboot() {
    await this.powerOff()
    await this.boot()
  }
  /** Cuts the power, unmounts and deletes. Harmless when done twice. */
  async dispose() {
    const nspawn = this.booting ?? this.current?.nspawn
    if (nspawn !== void 0) await this.end(nspawn)
    await remove(this.place)
    live.delete(this)
  }
  [Symbol.asyncDispose]() {
    return this.dispose()
  }
  /** `dispose()` for the exit hook. */
  disposeSync() {
    const nspawn = this.booting ?? this.current?.nspawn
    if (nspawn !== void 0) kill(nspawn)
    removeSync(this.place)
    live.delete(this)
  }
  async end(nspawn) {
    kill(nspawn)
    await nspawn.ended
    await removeCgroup(this.name)
    this.current = void 0
  }
  enter() {
    return this.isRunning ? inside(this.pid) : ["chroot", this.root]
  }
}
var watching = false
var watchExit = () => {
  if (watching) return
  watching = true
  process.on("exit", disposeAll)
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => dieOf(signal))
  process.once("disconnect", () => {
    if (live.size > 0) dieOf("SIGKILL")
  })
}
var disposeAll = () => {
  for (const machine of live) machine.disposeSync()
}
var dieOf = (signal) => {
  disposeAll()
  process.kill(process.pid, signal)
}

// test/e2e/support/Installed.ts
var DIST = join4(dirname2(fileURLToPath2(import.meta.url)), "../../../dist")
var PROGRAMS = "/usr/lib/oci-systemd-generator"
var GENERATORS = "/usr/lib/systemd/system-generators"
var LAYOUTS = "/var/lib/oci/layouts"
var installed = async (release2, layouts) => {
  if (!existsSync2(join4(DIST, "oci-systemd.cjs")))
    throw new Error("dist/ is missing: npm run build makes it")
  return Machine.create(release2, {
    files: { [PROGRAMS]: DIST },
    setup: async (root) => {
      await mkdir3(join4(root, GENERATORS), { recursive: true })
      await symlink2(
        `${PROGRAMS}/oci-systemd-generator.cjs`,
        join4(root, GENERATORS, "oci-systemd-generator")
      )
      await symlink2(`${PROGRAMS}/oci-systemd.cjs`, join4(root, "usr/bin/oci-systemd"))
      const directory = join4(root, LAYOUTS)
      await mkdir3(directory, { recursive: true })
      await layouts(directory)
    }
  })
}

// ../../tmp/ua/boot.ts
import { existsSync as existsSync3, writeFileSync } from "node:fs"

var release = process.argv[2]
var m = await installed(release, async () => {})
await m.boot()
writeFileSync(`/tmp/ua/${release}.pid`, String(m.pid))
writeFileSync(`/tmp/ua/${release}.root`, m.root)
while (existsSync3(`/tmp/ua/${release}.pid`)) await new Promise((r) => setTimeout(r, 500))
await m.dispose()
