/**
 * A machine as far as the generator sees one, in a mount namespace of its own: configuration, systemd's version, layouts,
 * roots, mounts and the program itself can be changed, and the generator run with its memory and without.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const DIST = fileURLToPath(new URL("../../dist", import.meta.url))

/** Why there can be none here. */
export const skipReason = (): string | undefined => {
  if (!existsSync(join(DIST, "oci-generator"))) return "needs npm run build"
  if (process.getuid?.() !== 0) return "needs root"
  return spawnSync("unshare", ["-m", "true"]).status === 0 ? undefined : "needs mount namespaces"
}

/** What a run made: units and links by their paths, and what it said. */
export interface Outcome {
  readonly units: Readonly<Record<string, string>>
  readonly said: string
}

export const PLACE = "/run/place"
export const LAYOUTS = `${PLACE}/layouts`
export const EXTRACTS = `${PLACE}/extracts`
export const ROOTS = "/run/oci/roots"
export const MEMORY = "/run/oci/generator"
/** Named as systemd names it. */
export const GENERATOR = `${PLACE}/generators/oci-systemd-generator`
export const PROGRAM = `${PLACE}/program`

const SET_UP = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p ${LAYOUTS} ${EXTRACTS} ${ROOTS} ${PLACE}/generators ${PLACE}/fake
mount -t tmpfs tmpfs /etc
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /usr/lib/systemd
head -c 4096 /proc/cpuinfo >${PLACE}/fake/cpuinfo
echo 00000000-0000-0000-0000-000000000000 >${PLACE}/fake/boot_id
mount --bind ${PLACE}/fake/cpuinfo /proc/cpuinfo
mount --bind ${PLACE}/fake/boot_id /proc/sys/kernel/random/boot_id
echo ready
exec sleep infinity`

export class MemoryMachine {
  readonly #holder: ChildProcess
  /** Added to what systemd gives its generators. */
  environment: Readonly<Record<string, string>> = {}

  private constructor(holder: ChildProcess) {
    this.#holder = holder
  }

  static async start(): Promise<MemoryMachine> {
    const holder = spawn("unshare", ["-m", "sh", "-c", SET_UP], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    await new Promise<void>((resolve, reject) => {
      holder.stdout?.once("data", () => resolve())
      holder.once("exit", (code) => reject(new Error(`the namespace could not be made: ${code}`)))
    })
    const machine = new MemoryMachine(holder)
    machine.reset()
    return machine
  }

  /** Where the tests see a path of the machine. */
  at(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`
  }

  run(command: string, environment: Readonly<Record<string, string>> = {}): Outcome["said"] {
    const { stderr } = spawnSync("nsenter", this.#enter(command), {
      encoding: "utf8",
      env: this.#environment(environment)
    })
    return stderr
  }

  #enter(command: string): readonly string[] {
    return [`--mount=/proc/${this.#holder.pid}/ns/mnt`, "sh", "-c", command]
  }

  #environment(more: Readonly<Record<string, string>>) {
    return {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      SYSTEMD_LOG_TARGET: "console",
      ...this.environment,
      ...more
    }
  }

  /** As new: nothing is mounted, installed, configured or remembered but the generator itself. */
  reset(): void {
    this.environment = {}
    this.unmountAll()
    for (const path of [PLACE, "/run/oci"]) {
      for (const name of existsSync(this.at(path)) ? readdirSync(this.at(path)) : [])
        if (name !== "fake") rmSync(this.at(`${path}/${name}`), { recursive: true, force: true })
    }
    for (const path of ["/etc", "/usr/lib/systemd"])
      for (const name of readdirSync(this.at(path)))
        rmSync(this.at(`${path}/${name}`), { recursive: true, force: true })
    for (const path of [LAYOUTS, EXTRACTS, ROOTS, `${PLACE}/generators`, PROGRAM])
      mkdirSync(this.at(path), { recursive: true })
    for (const name of readdirSync(DIST)) {
      if (/^oci-(?:generator|systemd-generator.cjs)$/.test(name))
        cpSync(join(DIST, name), this.at(`${PROGRAM}/${name}`))
    }
    mkdirSync(this.at(`${PROGRAM}/code`))
    for (const name of readdirSync(join(DIST, "code"))) {
      if (name.startsWith("oci-systemd-generator"))
        cpSync(join(DIST, "code", name), this.at(`${PROGRAM}/code/${name}`))
    }
    symlinkSync("../program/oci-generator", this.at(GENERATOR))
    this.configure("")
    this.bootAs("00000000-0000-0000-0000-000000000000")
    this.setSystemdVersion(257)
  }

  configure(more: string): void {
    writeFileSync(
      this.at("/etc/oci-generator.conf"),
      `[system]\nimagelayoutdir = ${LAYOUTS}\nextractsdir = ${EXTRACTS}\n${more}`
    )
  }

  setSystemdVersion(version: number): void {
    for (const name of readdirSync(this.at("/usr/lib/systemd"))) rmSync(this.at(`/usr/lib/systemd/${name}`))
    writeFileSync(this.at(`/usr/lib/systemd/libsystemd-shared-${version}.so`), "")
  }

  /** What the kernel calls this boot. */
  bootAs(id: string): void {
    writeFileSync(this.at(`${PLACE}/fake/boot_id`), `${id}\n`)
  }

  setProcessor(text: string): void {
    writeFileSync(this.at(`${PLACE}/fake/cpuinfo`), text)
  }

  upgrade(): void {
    appendFileSync(this.at(`${PROGRAM}/code/oci-systemd-generator.js`), "//\n")
  }

  mount(directory: string): void {
    this.run(`mkdir -p ${directory} && mount -t tmpfs tmpfs ${directory}`)
  }

  unmountAll(): void {
    this.run(
      `grep -o ' ${PLACE}/[a-z][^ ]*' /proc/self/mountinfo | grep -v /fake/ | sort -r | xargs -r umount -l`
    )
  }

  /** How often units were put back since the last whole run. */
  get hits(): number {
    return statSync(this.at(`${MEMORY}/hits`), { throwIfNoEntry: false })?.size ?? 0
  }

  /** As systemd runs it. */
  remembering(environment: Readonly<Record<string, string>> = {}, command = GENERATOR): Outcome {
    return this.#generate("remembering", `SYSTEMD_EXEC_PID=$$ exec ${command}`, environment)
  }

  /** Makes the memory for the next boot, as oci-remember.service does. */
  ahead(): void {
    this.run(`for file in ${MEMORY}/ahead ${EXTRACTS}/memory/ahead; do [ ! -r $file ] || exec sh $file; done`)
  }

  /** Does something while the generator runs. */
  async whileRunning(milliseconds: number, change: () => void): Promise<void> {
    const out = `${PLACE}/out-meanwhile`
    this.#clear(out)
    const child = spawn("nsenter", this.#enter(`SYSTEMD_EXEC_PID=$$ exec ${GENERATOR} ${out}`), {
      env: this.#environment({}),
      stdio: "ignore"
    })
    const ended = new Promise((resolve) => child.once("exit", resolve))
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    change()
    await ended
  }

  forgetful(): Outcome {
    return this.#generate("forgetful", `SYSTEMD_EXEC_PID=$$ exec ${PROGRAM}/oci-systemd-generator.cjs`, {})
  }

  #clear(directory: string): void {
    rmSync(this.at(directory), { recursive: true, force: true })
    mkdirSync(this.at(directory), { recursive: true })
  }

  #generate(name: string, command: string, environment: Readonly<Record<string, string>>): Outcome {
    const out = `${PLACE}/out-${name}`
    this.#clear(out)
    const said = this.run(`${command} ${out}`, environment)
    return { units: treeOf(this.at(out)), said }
  }

  stop(): void {
    this.#holder.kill("SIGKILL")
  }
}

const treeOf = (directory: string): Readonly<Record<string, string>> => {
  const tree: Record<string, string> = {}
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = path.slice(directory.length + 1)
    if (entry.isSymbolicLink()) tree[name] = `-> ${readlinkSync(path)}`
    else if (entry.isFile()) tree[name] = `${statSync(path).mode.toString(8)}\n${readFileSync(path, "utf8")}`
  }
  return tree
}
