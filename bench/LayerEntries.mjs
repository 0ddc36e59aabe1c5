/**
 * What is in the layers of the benchmark and of the end-to-end tests: entries for TarStream, made as they are asked for, the
 * same on every run.
 */
import { execFileSync } from "node:child_process"
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync
} from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { random, text } from "./SourceText.mjs"

const RELEASE = "trixie"
/** The end-to-end tests use it too: the first user makes the tree. */
const MAKE_ROOT = fileURLToPath(new URL("../scripts/debian-root.sh", import.meta.url))

const SECOND = 1_000_000_000n
/** 2025-01-01, the time of what is made here. */
const NOW = 1_735_689_600n * SECOND
const READ_SIZE = 2 ** 20

/** The tree of a Debian, made once below `cache`, from debootstrap's own mirror or `$DEBOOTSTRAP_MIRROR`. */
const debianTree = (cache) => {
  const directory = join(cache, "machines", RELEASE)
  if (existsSync(directory)) return directory
  mkdirSync(join(cache, "machines"), { recursive: true })
  const mirror = process.env.DEBOOTSTRAP_MIRROR ?? ""
  execFileSync("sh", [MAKE_ROOT, RELEASE, directory, mirror], { stdio: ["ignore", "ignore", "inherit"] })
  return directory
}

function* fileData(path) {
  const fd = openSync(path, "r")
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(READ_SIZE)
      const length = readSync(fd, buffer)
      if (length === 0) return
      yield buffer.subarray(0, length)
    }
  } finally {
    closeSync(fd)
  }
}

/** Names are bytes, in the order of bytes. */
function* walk(directory, path, seen) {
  for (const name of readdirSync(directory).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
    const source = join(directory, name)
    const entryPath = path === "" ? name : `${path}/${name}`
    const stats = lstatSync(source, { bigint: true })
    const common = {
      path: entryPath,
      mode: Number(stats.mode & 0o7777n),
      uid: Number(stats.uid),
      gid: Number(stats.gid),
      mtime: stats.mtimeNs
    }
    const first = seen.get(stats.ino)
    if (first !== undefined) {
      yield { ...common, type: "hardlink", link: first }
      continue
    }
    if (stats.nlink > 1n && !stats.isDirectory()) seen.set(stats.ino, entryPath)
    const device = { major: Number((stats.rdev >> 8n) & 0xfffn), minor: Number(stats.rdev & 0xffn) }
    if (stats.isDirectory()) {
      yield { ...common, type: "directory" }
      yield* walk(source, entryPath, seen)
    } else if (stats.isFile()) yield { ...common, size: Number(stats.size), data: fileData(source) }
    else if (stats.isSymbolicLink()) yield { ...common, type: "symlink", link: readlinkSync(source) }
    else if (stats.isFIFO()) yield { ...common, type: "fifo" }
    else if (stats.isCharacterDevice()) yield { ...common, type: "character", ...device }
    else if (stats.isBlockDevice()) yield { ...common, type: "block", ...device }
  }
}

/** A whole Debian. */
export function* debian(cache) {
  yield { path: ".", type: "directory" }
  yield* walk(debianTree(cache), "", new Map())
}

/** Where `nodeModules` puts its packages. */
const MODULES = "srv/app/node_modules"
const FILES_IN_PACKAGE = 25
const SUFFIXES = [".js", ".js", ".js", ".json", ".d.ts", ".js.map", ".md"]
const DIRECTORIES = ["", "lib/", "lib/internal/", "dist/", "dist/esm/", "types/"]

const packageName = (seed, number) => `package-${seed}-${number}`
/** Every fourth is in a scope, as `@types/node` is. */
const packagePath = (seed, number) =>
  `${MODULES}/${number % 4 === 0 ? `@scope-${number % 40}/` : ""}${packageName(seed, number)}`
const fileInPackage = (file) =>
  file === 0
    ? "package.json"
    : `${DIRECTORIES[file % DIRECTORIES.length]}module-${file}${SUFFIXES[file % SUFFIXES.length]}`

/** Log-normal, as in real packages: half are below 1.5 KB, and none above 40. */
const fileSize = (next) => {
  const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  return Math.min(40_000, Math.max(120, Math.round(1500 * Math.exp(1.4 * normal))))
}

/** `count` regular files in packages of 25, with the directories and the links in `.bin` that go with them. */
export function* nodeModules(count, seed = 1) {
  const next = random(seed)
  const common = { mtime: NOW }
  yield { ...common, path: "srv", type: "directory" }
  yield { ...common, path: "srv/app", type: "directory", uid: 1000, gid: 1000 }
  yield { ...common, path: MODULES, type: "directory", mtime: NOW + 1n, uid: 1000, gid: 1000 }
  yield { ...common, path: `${MODULES}/.bin`, type: "directory" }
  for (let number = 0; number < 40; number += 4)
    yield { ...common, path: `${MODULES}/@scope-${number}`, type: "directory" }
  for (let made = 0, number = 0; made < count; number++) {
    const top = packagePath(seed, number)
    for (const directory of DIRECTORIES)
      yield { ...common, path: `${top}/${directory}`.replace(/[/]$/, ""), type: "directory" }
    for (let file = 0; file < FILES_IN_PACKAGE && made < count; file++, made++) {
      yield {
        path: `${top}/${fileInPackage(file)}`,
        mode: file === 1 ? 0o755 : 0o644,
        // What a build wrote has times of nanoseconds, what came out of an archive has not.
        mtime: file % 5 === 0 ? NOW + BigInt(made * 7919) : NOW,
        data: text(fileSize(next), next)
      }
    }
    const target = `../${top.slice(MODULES.length + 1)}/${fileInPackage(1)}`
    yield { ...common, path: `${MODULES}/.bin/${packageName(seed, number)}`, type: "symlink", link: target }
  }
}

/** cap_net_raw, permitted and effective: `struct vfs_cap_data` of capabilities(7). */
const CAPABILITY = Buffer.from("0100000200200000000000000000000000000000", "hex")
const EMPTY = Buffer.alloc(0)

const whiteout = (path) => ({ path: path.replace(/[^/]*$/, ".wh.$&"), data: EMPTY })
const opaque = (path) => ({ path: `${path}/.wh..wh..opq`, data: EMPTY })
const file = (path, more = {}) => ({ path, mtime: NOW + 5n, data: Buffer.from(`now in ${path}\n`), ...more })
const directory = (path, more = {}) => ({ path, type: "directory", mtime: NOW + 6n, ...more })
const symlink = (path, link, more = {}) => ({ path, type: "symlink", mtime: NOW + 7n, link, ...more })
const hardlink = (path, link) => ({ path, type: "hardlink", link })

/** What is done to a package, by the last digit of its number; packages ending in 0 stay as they are. */
const PACKAGE_CHANGES = {
  1: (top) => [hardlink(`${top}/copy.js`, `${top}/${fileInPackage(1)}`), file(`${top}/lib/new.js`)],
  2: (top, name) => [
    whiteout(`${top}/${fileInPackage(2)}`),
    file(`${MODULES}/.bin/${name}`, { mode: 0o755 })
  ],
  3: (top) =>
    [0, 1, 2].map((number) => file(`${top}/${fileInPackage(number)}`, { mode: 0o600, uid: 1000, gid: 1001 })),
  4: (top) => [whiteout(top)],
  5: (top) => [directory(`${top}/lib`), opaque(`${top}/lib`), file(`${top}/lib/only.js`)],
  6: (top) => [
    directory(`${top}/${fileInPackage(1)}`, { mode: 0o750 }),
    file(`${top}/${fileInPackage(1)}/index.js`)
  ],
  7: (top) => [symlink(`${top}/types`, "lib")],
  8: (top) => [file(`${top}/dist`, { mode: 0o4755 })],
  9: (top) => [symlink(`${top}/package.json`, fileInPackage(1)), whiteout(`${top}/lib/internal`)]
}

/** Removes, overwrites and changes the types of what `debian` and `nodeModules(count)` brought, as an upper layer does. */
export function* changes(count) {
  yield directory("etc")
  yield whiteout("etc/issue")
  yield file("etc/motd", { mode: 0o664, uid: 1000, gid: 4_000_000 })
  yield symlink("etc/debian_version", "../usr/lib/os-release")
  yield directory("etc/hostname", { mode: 0o700 })
  yield file("etc/hostname/was-a-file")
  yield directory("usr/share/doc", { mode: 0o711, mtime: NOW - 3n * SECOND })
  yield opaque("usr/share/doc")
  yield file("usr/share/doc/README")
  yield whiteout("usr/share/zoneinfo")
  yield symlink("usr/share/common-licenses", "doc")
  yield file("usr/share/bash-completion", { mode: 0o640 })
  // Through the lower layer's links /lib and /bin, which lead below /usr.
  yield file("lib/through-a-link", { mode: 0o2755 })
  yield hardlink("bin/another-name", "usr/bin/perl")
  yield file("usr/bin/capable", {
    mode: 0o755,
    xattrs: { "security.capability": CAPABILITY, "user.note": Buffer.from([0, 255, 61, 10]) }
  })
  yield directory("opt", { mode: 0o1777, xattrs: { "user.directory": Buffer.from("yes") } })
  yield file("opt/setuid", { mode: 0o6755, uid: 65534, gid: 65534 })
  yield file("opt/times", { mtime: -1_500_000_000n })
  yield file("opt/future", { mtime: 9_000_000_000n * SECOND + 999_999_999n })
  yield { path: "opt/fifo", type: "fifo", mode: 0o620, mtime: NOW }
  yield { path: "opt/device", type: "character", major: 10, minor: 229, mode: 0o666, mtime: NOW }
  yield { path: "opt/disk", type: "block", major: 259, minor: 300, mode: 0o660, gid: 6, mtime: NOW }
  yield symlink("opt/dangling", "/nowhere/at all")
  yield hardlink("opt/link to link", "opt/dangling")
  yield file(Buffer.from("opt/not-utf-8-\xff\xfe", "latin1"))
  yield file("opt/new\nline")
  yield directory(`opt/${"d".repeat(200)}`)
  yield file(`opt/${"d".repeat(200)}/${"f".repeat(255)}`)
  yield directory("opt/readonly", { mode: 0o555 })
  yield file("opt/readonly/inside", { mode: 0o444 })
  for (let number = 0; number < count / FILES_IN_PACKAGE; number++) {
    yield* PACKAGE_CHANGES[number % 10]?.(packagePath(1, number), packageName(1, number)) ?? []
  }
}

const GIBIBYTE = 2 ** 30
const LARGE_FILE = 2 ** 28
const LARGE_PIECE = 2 ** 20

function* largeData(size, next) {
  for (let made = 0; made < size; made += LARGE_PIECE) yield text(Math.min(LARGE_PIECE, size - made), next)
}

/** Few and large files: `bytes` in all. */
export function* large(bytes) {
  const next = random(10)
  yield directory("data")
  for (let made = 0, number = 0; made < bytes; made += LARGE_FILE, number++) {
    const size = Math.min(LARGE_FILE, bytes - made)
    yield { path: `data/${number}.bin`, mtime: NOW, size, data: largeData(size, next) }
  }
}

export const TEN_GIGABYTES = 10 * GIBIBYTE

const IN_DIRECTORY = 500
const leaf = (number) => `many/${Math.floor(number / IN_DIRECTORY)}/entry-${number}`

const LEAVES = {
  directories: (number) => directory(leaf(number)),
  symlinks: (number) => symlink(leaf(number), `../${number % 7}/target-${number}`),
  empty: (number) => ({ path: leaf(number), mtime: NOW, data: EMPTY }),
  mixed: (number, next) => {
    if (number % 10 < 6)
      return { path: leaf(number), mtime: NOW + BigInt(number), data: text(100 + (number % 400), next) }
    if (number % 10 === 6) return LEAVES.directories(number)
    if (number % 10 === 7) return LEAVES.symlinks(number)
    return number % 10 === 8 ? LEAVES.empty(number) : hardlink(leaf(number), leaf(number - 1))
  }
}

/** `count` entries of a kind (`directories`, `symlinks`, `empty`, or `mixed` with small files and hard links), 500 in a directory. */
export function* many(count, kind) {
  const next = random(20)
  yield directory("many")
  for (let number = 0; number < count; number++) {
    if (number % IN_DIRECTORY === 0) yield directory(`many/${number / IN_DIRECTORY}`)
    yield LEAVES[kind](number, next)
  }
}
