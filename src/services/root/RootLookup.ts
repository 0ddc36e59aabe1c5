/**
 * Questions to an extracted root filesystem: what is at a path, through which links, inside the root.
 *
 * An extract is never written and belongs to root, so that nothing changes between two looks. Links are followed by
 * hand: the kernel would take an absolute one from the host's root.
 */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import { type Account, type Group, parseGroup, parsePasswd } from "../../domain/process/AccountFiles.ts"
import type * as HostFiles from "../../domain/HostFiles.ts"
import { CommandError, type ImageCommand } from "../../domain/process/ImageCommand.ts"
import type { ImageProcess } from "../../domain/process/ImageProcess.ts"
import * as ImageUser from "../../domain/process/ImageUser.ts"
import type { RootFacts } from "../../domain/process/RootFacts.ts"
import * as BoundedFile from "../files/BoundedFile.ts"

/** As many links as Linux follows. */
const MAX_LINKS = 40
/** Account files of large sites have some MiB. */
const MAX_ACCOUNT_FILE = 16 * 1024 * 1024

/** The path without links, relative to the root (`usr/bin/env`), or `undefined` where nothing is. */
export const resolve = (root: string, path: string): string | undefined => {
  const end = follow(root, path)
  return end === undefined || lstat(`${root}/${end.path}`) === undefined ? undefined : end.path
}

/** The same, whether anything is there or not; `undefined` where the links on the way lead nowhere. */
export const destination = (root: string, path: string): string | undefined => follow(root, path)?.path

/** Where a path leads, through how many links, whether anything is there or not; `undefined`: nowhere, or in a circle. */
const follow = (
  root: string,
  path: string
): { readonly path: string; readonly links: number } | undefined => {
  const pending = path.split("/").reverse()
  const resolved: string[] = []
  let links = 0
  for (let component = pending.pop(); component !== undefined; component = pending.pop()) {
    if (component === "" || component === ".") continue
    if (component === "..") {
      if (lstat([root, ...resolved].join("/")) === undefined) return undefined
      resolved.pop()
      continue
    }
    const here = [root, ...resolved, component].join("/")
    if (lstat(here)?.isSymbolicLink() !== true) {
      resolved.push(component)
      continue
    }
    if (++links > MAX_LINKS) return undefined
    const target = fs.readlinkSync(here)
    if (target.startsWith("/")) resolved.length = 0
    pending.push(...target.split("/").reverse())
  }
  return { path: resolved.join("/"), links }
}

const lstat = (path: string): fs.Stats | undefined => {
  try {
    return fs.lstatSync(path)
  } catch {
    return undefined
  }
}

/** Nothing where the name is no text. */
const readlink = (path: string): string => {
  try {
    return fs.readlinkSync(path)
  } catch {
    return ""
  }
}

/** Of the host, through links. */
export const isDirectory = (path: string): boolean =>
  fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** Everything that a unit for this process needs to know of the root. */
export const facts = (
  root: string,
  process: ImageProcess
): Effect.Effect<RootFacts, ImageUser.UserError | CommandError | BoundedFile.FileRefused> =>
  Effect.gen(function* () {
    const user = { user: process.user, identity: yield* identityOf(root, process.user) }
    const hostFiles = hostFileStates(root)
    const { command } = process
    const health = process.health === undefined ? undefined : findProgram(root, process.health.command)
    const others = {
      user,
      hostFiles,
      opensOutput: opensOutput(root),
      ...(health === undefined ? {} : { health })
    }
    const found = findProgram(root, command)
    if (found === undefined) return others
    const { path, program } = found
    if (path === "") {
      return yield* Effect.fail(
        new CommandError({
          reason: `the image's program ${JSON.stringify(program)} is in none of the directories of its PATH: ${command.searchPath.join(":")}`
        })
      )
    }
    return { ...others, command: found }
  })

/** Are there links in `/var/log` to the output of whoever opens them? */
const opensOutput = (root: string): boolean => {
  const pending = [resolve(root, LOGS)]
  for (let looked = 0; looked < MAX_LOG_DIRECTORIES && pending.length > 0; looked++) {
    const directory = pending.pop()
    if (directory === undefined || lstat(`${root}/${directory}`)?.isDirectory() !== true) continue
    for (const entry of fs.readdirSync(`${root}/${directory}`, { withFileTypes: true })) {
      const path = `${directory}/${entry.name}`
      if (entry.isDirectory()) pending.push(path)
      else if (entry.isSymbolicLink() && OUTPUT.test(readlink(`${root}/${path}`))) return true
    }
  }
  return false
}

const LOGS = "/var/log"
/** Images have a few. */
const MAX_LOG_DIRECTORIES = 100
const OUTPUT = /^\/(?:dev\/(?:stdout|stderr|fd\/[12])|proc\/(?:self|1)\/fd\/[12])$/

/** Nothing to be looked for where the program has a path; the found path is empty where nothing was found. */
const findProgram = (
  root: string,
  { argv: [program], path, searchPath }: ImageCommand
): RootFacts["command"] => {
  if (path !== undefined) return undefined
  const candidates = searchPath.map((directory) => `${directory === "/" ? "" : directory}/${program}`)
  return { program, searchPath, path: candidates.find((candidate) => isProgram(root, candidate)) ?? "" }
}

const hostFileStates = (root: string): NonNullable<RootFacts["hostFiles"]> => ({
  "/etc/resolv.conf": hostFileState(root, "/etc/resolv.conf"),
  "/etc/hosts": hostFileState(root, "/etc/hosts"),
  "/etc/localtime": hostFileState(root, "/etc/localtime")
})

/** What a mount on `path` would find. */
const hostFileState = (root: string, path: HostFiles.HostFile): HostFiles.State => {
  const end = follow(root, path)
  if (end === undefined || FOREIGN.test(`/${end.path}`)) return "other"
  const stat = lstat(`${root}/${end.path}`)
  if (stat === undefined)
    return isBelowDirectory(root, end.path) ? (end.links === 0 ? "nothing" : "dangling") : "other"
  return stat.isFile() ? "file" : "other"
}

/** Can `path` be made: are those of its parents that are there directories? */
const isBelowDirectory = (root: string, path: string): boolean => {
  for (let parent = path; parent.includes("/"); ) {
    parent = parent.slice(0, parent.lastIndexOf("/"))
    const stat = lstat(`${root}/${parent}`)
    if (stat !== undefined) return stat.isDirectory()
  }
  return true
}

/** File systems of the kernel are mounted there. */
const FOREIGN = /^\/(?:proc|sys|dev)\//

/** What is wrong with the account files is no matter where nothing has to be looked up in them. */
const identityOf = (root: string, user: string) =>
  Effect.gen(function* () {
    const accounts: readonly Account[] = parsePasswd(yield* accountFile(root, "/etc/passwd"))
    const groups: readonly Group[] = parseGroup(yield* accountFile(root, "/etc/group"))
    return yield* ImageUser.resolve(user, accounts, groups)
  }).pipe(
    Effect.catchTag("FileRefused", (refused) => {
      const identity = ImageUser.guess(user)
      return identity === undefined ? Effect.fail(refused) : Effect.succeed(identity)
    })
  )

const accountFile = (root: string, path: string) => {
  const resolved = resolve(root, path)
  return resolved === undefined
    ? Effect.succeed("")
    : BoundedFile.read(`${root}/${resolved}`, MAX_ACCOUNT_FILE).pipe(
        Effect.map((bytes) => bytes.toString("utf8"))
      )
}

const isProgram = (root: string, path: string): boolean => {
  const resolved = resolve(root, path)
  const stat = resolved === undefined ? undefined : lstat(`${root}/${resolved}`)
  return stat?.isFile() === true && (stat.mode & 0o111) !== 0
}

/**
 * Makes the directory `path` exist in an overlay, by making in `upper` what `lower` lacks. Directories that `lower`
 * has are made with its owner and mode: an overlay shows those of its upper.
 *
 * A kept upper was written by the image: where it has something else in the way, a link say, nothing is made.
 */
export const makeDirectory = (lower: string, upper: string, path: string): void => {
  const there = resolve(lower, path)
  if (there === undefined || lstat(`${lower}/${there}`)?.isDirectory() !== true) makeAll(lower, upper, path)
}

/** Those on the way that the lower has are made in `upper` too, the same. */
const makeAll = (lower: string, upper: string, path: string): void => {
  let at = ""
  for (const component of path.split("/").filter((component) => component !== "")) {
    const below = resolve(lower, `${at}/${component}`)
    at = below ?? `${at}/${component}`.replace(/^\/+/, "")
    if (!makeChain(lower, upper, at.split("/"))) return
  }
}

/** Makes an empty file at `path` in `upper` where `lower` has nothing: for something to be mounted on. */
export const makeFile = (lower: string, upper: string, path: string): void => {
  if (resolve(lower, path) !== undefined) return
  const parent = path.slice(0, path.lastIndexOf("/"))
  makeAll(lower, upper, parent)
  const target = `${upper}/${resolve(lower, parent) ?? parent}/${path.slice(parent.length + 1)}`
  if (lstat(target) === undefined) fs.writeFileSync(target, "", { mode: 0o644, flag: "wx" })
}

/**
 * Each in the one before it, by its descriptor: whoever writes to a kept upper, a service that runs, cannot put a link in
 * the place of one that was looked at. False where something else is in the way.
 */
const makeChain = (lower: string, upper: string, components: readonly string[]): boolean => {
  let fd = fs.openSync(upper, DIRECTORY)
  try {
    for (let depth = 0; depth < components.length; depth++) {
      const model = lstat([lower, ...components.slice(0, depth + 1)].join("/"))
      const next = makeOne(model, `/proc/self/fd/${fd}/${components[depth]}`)
      if (next === undefined) return false
      fs.closeSync(fd)
      fd = next
    }
    return true
  } finally {
    fs.closeSync(fd)
  }
}

/** A descriptor of the directory. `model` is what the lower has there. */
const makeOne = (model: fs.Stats | undefined, path: string): number | undefined => {
  const isNew = lstat(path) === undefined
  if (isNew) {
    if (model?.isDirectory() === false) return undefined
    fs.mkdirSync(path, model === undefined ? 0o755 : 0o700)
  }
  const fd = openDirectory(path)
  if (fd !== undefined && isNew && model !== undefined) {
    fs.fchownSync(fd, model.uid, model.gid)
    fs.fchmodSync(fd, model.mode & 0o7777)
    fs.futimesSync(fd, model.atime, model.mtime)
  }
  return fd
}

/** Nothing where something else is. */
const openDirectory = (path: string): number | undefined => {
  try {
    return fs.openSync(path, DIRECTORY)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === "ENOTDIR" || code === "ELOOP") return undefined
    throw cause
  }
}

const DIRECTORY = fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW
