/** Whole processes, measured: time, processor time and memory, each on a file system that nothing was written to before. */
import { execFileSync, spawnSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const CLI = join(dirname(fileURLToPath(import.meta.url)), "../dist/oci-systemd.cjs")
/** Of Debian's package `time`: the shell's own says nothing of memory. */
const TIME = "/usr/bin/time"
const MEMORY_DISK = "/dev/shm"

const quietly = (command, ...args) => execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"] })

const availableMemory = () => {
  const [, kibibytes = "0"] = /^MemAvailable: +([0-9]+)/m.exec(readFileSync("/proc/meminfo", "utf8")) ?? []
  return Number(kibibytes) * 1024
}

const fitsInMemory = (bytes) => {
  if (!existsSync(MEMORY_DISK)) return false
  const { bavail, bsize } = statfsSync(MEMORY_DISK)
  // The pages of the mounted file system come on top of those of the file below it.
  return Math.min(bavail * bsize, availableMemory() / 2) > bytes
}

const mounted = new Set()

const unmount = (directory) => {
  quietly("umount", directory)
  mounted.delete(directory)
  rmdirSync(directory)
}

process.on("exit", () => {
  for (const directory of mounted) unmount(directory)
})
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1))

/** What the last fresh file system was: for the report. */
export let filesystem = "none yet"

/** The backing file has no name while it is in use, so nothing of it can be left behind. */
const mountExt4 = (directory, bytes, inodes) => {
  const inMemory = fitsInMemory(bytes)
  const place = mkdtempSync(join(inMemory ? MEMORY_DISK : tmpdir(), "oci-systemd-bench-"))
  const file = join(place, "ext4")
  try {
    writeFileSync(file, "")
    truncateSync(file, bytes)
    quietly("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1", "-N", `${inodes}`, file)
    quietly("mount", "-o", "loop,noinit_itable", file, directory)
    filesystem = `ext4 in a loop-mounted file ${inMemory ? "in memory (tmpfs)" : `on the disk of ${tmpdir()}`}`
  } finally {
    rmSync(place, { recursive: true })
  }
}

/** Calls `use` with an empty directory of a new file system for what unpacks to `bytes` and `entries`. */
export const onFreshFilesystem = ({ bytes, entries }, use) => {
  const directory = mkdtempSync(join(tmpdir(), "oci-systemd-bench-"))
  const inodes = Math.ceil(entries * 1.2) + 10_000
  // A directory takes a block; what is staged may be there twice.
  const size = Math.ceil(bytes * 2 + entries * 8192) + 2 ** 29
  try {
    mountExt4(directory, size, inodes)
  } catch (error) {
    quietly("mount", "-t", "tmpfs", "-o", `size=${size},nr_inodes=${inodes}`, "tmpfs", directory)
    filesystem = `tmpfs, because a loop-mounted ext4 is not possible (${String(error.stderr ?? error.message).trim()})`
  }
  mounted.add(directory)
  try {
    const place = join(directory, "empty")
    mkdirSync(place)
    return use(place)
  } finally {
    unmount(directory)
  }
}

/** Seconds, seconds of both processors, and bytes of the largest process among it and its children. */
export const measure = (argv) => {
  const place = mkdtempSync(join(tmpdir(), "oci-systemd-time-"))
  const output = join(place, "time")
  try {
    const start = process.hrtime.bigint()
    const { error, status, stderr } = spawnSync(TIME, ["-q", "-f", "%U %S %M", "-o", output, ...argv], {
      stdio: ["ignore", "ignore", "pipe"],
      encoding: "utf8"
    })
    const wall = Number(process.hrtime.bigint() - start) / 1e9
    if (error !== undefined) throw error
    if (status !== 0) throw new Error(`${argv.join(" ")}: exit code ${status}\n${stderr}`)
    const [user, system, kibibytes] = readFileSync(output, "utf8")
      .trim()
      .split("\n")
      .at(-1)
      .split(" ")
      .map(Number)
    return { wall, cpu: user + system, peak: kibibytes * 1024 }
  } finally {
    rmSync(place, { recursive: true })
  }
}

/** One after the other, as one: times add up, the largest process counts. */
export const together = (...parts) => ({
  wall: parts.reduce((sum, { wall }) => sum + wall, 0),
  cpu: parts.reduce((sum, { cpu }) => sum + cpu, 0),
  peak: Math.max(...parts.map(({ peak }) => peak))
})

const middle = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

export const medians = (runs) => ({
  wall: middle(runs.map(({ wall }) => wall)),
  cpu: middle(runs.map(({ cpu }) => cpu)),
  // Not its median: memory is a limit.
  peak: Math.max(...runs.map(({ peak }) => peak)),
  fastest: Math.min(...runs.map(({ wall }) => wall)),
  slowest: Math.max(...runs.map(({ wall }) => wall))
})

/** The command line that extracts `images` (all, where none is named) from `layouts` to below `directory`. */
export const extraction = (layouts, directory, images = []) => {
  const config = join(directory, "oci-generator.conf")
  writeFileSync(config, `[system]\nimagelayoutdir = ${layouts}\nextractsdir = ${directory}/extracts\n`)
  return [CLI, "extract", "--config", config, ...images]
}

/** The command line that writes the root of an image from `layouts` to a directory below `directory`. */
export const unpacking = (layouts, directory, image) => {
  const config = join(directory, "oci-generator.conf")
  writeFileSync(config, `[system]\nimagelayoutdir = ${layouts}\nextractsdir = ${directory}/extracts\n`)
  return [CLI, "unpack", "--config", config, image, join(directory, "root")]
}

/** Once before anything is measured: nothing is read from a disk afterwards. */
export const intoPageCache = (images) => {
  for (const { layers } of images) for (const { path } of layers) quietly("cat", path)
}

export const seconds = (value) => value.toFixed(2)
export const megabytes = (bytes) => (bytes / 1e6).toFixed(0)

export const printTable = (head, rows) => {
  const line = (cells) => console.log(`| ${cells.join(" | ")} |`)
  line(head)
  line(head.map((_, index) => (index === 0 ? "---" : "---:")))
  for (const row of rows) line(row)
  console.log()
}
