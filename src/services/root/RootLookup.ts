/**
 * Finds what is at a path of an extracted root filesystem, through which links, without leaving the root.
 *
 * An extract is never written to and belongs to root, so nothing changes between two calls. Links are resolved here,
 * since the kernel would resolve absolute ones from the host's root.
 */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import { type Account, type Group, parseGroup, parsePasswd } from "../../domain/process/AccountFiles.ts"
import { CommandError, type ImageCommand } from "../../domain/process/ImageCommand.ts"
import type { ImageProcess } from "../../domain/process/ImageProcess.ts"
import * as ImageUser from "../../domain/process/ImageUser.ts"
import type { HostFile, HostFileState, RootFacts } from "../../domain/process/RootFacts.ts"
import * as BoundedFile from "../files/BoundedFile.ts"
import { makeChain } from "../files/DirectoryDescent.ts"

/** The most links that a lookup follows, as in Linux. */
const MAX_LINKS = 40
/** The largest account file. Those of large sites have a few MiB. */
const MAX_ACCOUNT_FILE = 16 * 1024 * 1024

/** Returns the path without links, relative to the root (`usr/bin/env`); `undefined` if nothing is there. */
export const resolve = (root: string, path: string): string | undefined => {
  const end = follow(root, path)
  return end === undefined || lstat(`${root}/${end.path}`) === undefined ? undefined : end.path
}

/** Does the same whether or not the path exists; `undefined` if the links on the way lead nowhere. */
export const destination = (root: string, path: string): string | undefined => follow(root, path)?.path

/**
 * Returns every path that the lookup of a path goes through, as far as it goes: directories and links, each in a
 * directory whose own path has no links.
 */
export const steps = (root: string, path: string): readonly string[] => {
  const passed: string[] = []
  follow(root, path, passed)
  return passed
}

/**
 * Follows a path, and counts the links, whether or not anything is there; `undefined` if the links lead nowhere or in
 * a circle.
 */
const follow = (
  root: string,
  path: string,
  passed: string[] = []
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
    passed.push([...resolved, component].join("/"))
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

/** Whether a path of the host is a directory, through links. */
export const isDirectory = (path: string): boolean =>
  fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** Finds all facts of the root that a unit for this process needs. */
export const facts = (
  root: string,
  process: ImageProcess
): Effect.Effect<RootFacts, ImageUser.UserError | CommandError | BoundedFile.FileRefused> =>
  Effect.gen(function* () {
    const user = { user: process.user.text, identity: yield* identityOf(root, process.user) }
    const hostFiles = hostFileStates(root)
    const { command } = process
    const health = process.health === undefined ? undefined : findProgram(root, process.health.command)
    const others = {
      user,
      workingDirectory: {
        path: process.workingDirectory,
        closed: closedDirectory(root, process.workingDirectory, user.identity) ?? ""
      },
      hostFiles,
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

const findProgram = (
  root: string,
  { argv: [program], path, searchPath }: ImageCommand
): RootFacts["command"] => {
  if (path !== undefined) return undefined
  const candidates = searchPath.map((directory) => `${directory === "/" ? "" : directory}/${program}`)
  return { program, searchPath, path: candidates.find((candidate) => isProgram(root, candidate)) ?? "" }
}

/** Returns the first directory on the way to a directory, or that itself, which the user may not enter by its mode. */
const closedDirectory = (root: string, path: string, identity: ImageUser.Identity): string | undefined => {
  for (const step of ["", ...steps(root, path)]) {
    const stat = lstat(`${root}/${step}`)
    if (stat?.isDirectory() === true && !mayEnter(stat, identity)) return `/${step}`
  }
  return undefined
}

/** Whether the mode of a directory lets a user in (path_resolution(7)). Root may enter all. */
const mayEnter = (
  { gid, mode, uid }: fs.Stats,
  { gid: group, supplementaryGids, uid: user }: ImageUser.Identity
): boolean => {
  if (user === 0) return true
  if (user === uid) return (mode & 0o100) !== 0
  const isMember = group === gid || supplementaryGids.includes(gid)
  return (mode & (isMember ? 0o010 : 0o001)) !== 0
}

const hostFileStates = (root: string): NonNullable<RootFacts["hostFiles"]> => ({
  "/etc/resolv.conf": hostFileState(root, "/etc/resolv.conf"),
  "/etc/hosts": hostFileState(root, "/etc/hosts"),
  "/etc/localtime": hostFileState(root, "/etc/localtime")
})

/** Returns what a mount on `path` would find. */
const hostFileState = (root: string, path: HostFile): HostFileState => {
  const end = follow(root, path)
  if (end === undefined || FOREIGN.test(`/${end.path}`)) return "other"
  const stat = lstat(`${root}/${end.path}`)
  if (stat === undefined)
    return isBelowDirectory(root, end.path) ? (end.links === 0 ? "nothing" : "dangling") : "other"
  return stat.isFile() ? "file" : "other"
}

/** Whether `path` can be made, because its existing parents are directories. */
const isBelowDirectory = (root: string, path: string): boolean => {
  for (let parent = path; parent.includes("/"); ) {
    parent = parent.slice(0, parent.lastIndexOf("/"))
    const stat = lstat(`${root}/${parent}`)
    if (stat !== undefined) return stat.isDirectory()
  }
  return true
}

/** Places where file systems of the kernel are mounted. */
const FOREIGN = /^\/(?:proc|sys|dev)\//

/** Resolves the user. Problems of the account files are ignored if nothing has to be looked up in them. */
const identityOf = (root: string, user: ImageUser.ImageUser) =>
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
 * Makes sure that the directory `path` exists in an overlay, by making in `upper` what `lower` lacks. Directories
 * that `lower` has are made with its owner and mode, because an overlay shows those of its upper directory.
 *
 * The image writes to an upper directory that is kept. If something else is in the way there, for example a link,
 * nothing is made.
 */
export const makeDirectory = (lower: string, upper: string, path: string): void => {
  const there = resolve(lower, path)
  if (there === undefined || lstat(`${lower}/${there}`)?.isDirectory() !== true) makeAll(lower, upper, path)
}

/**
 * Makes all directories on the way in `upper`, those that `lower` has with the same owner and mode, by descriptors: a
 * running service, which can write to a kept upper directory, cannot replace a directory that was checked by a link.
 */
const makeAll = (lower: string, upper: string, path: string): void => {
  let at = ""
  for (const component of path.split("/").filter((component) => component !== "")) {
    const below = resolve(lower, `${at}/${component}`)
    at = below ?? `${at}/${component}`.replace(/^\/+/, "")
    const components = at.split("/")
    const modelOf = (depth: number) => lstat([lower, ...components.slice(0, depth + 1)].join("/"))
    if (!makeChain(upper, components, { modelOf, isLink: false })) return
  }
}

/** Makes an empty file at `path` in `upper` if `lower` has nothing there, so that something can be mounted on it. */
export const makeFile = (lower: string, upper: string, path: string): void => {
  if (resolve(lower, path) !== undefined) return
  const parent = path.slice(0, path.lastIndexOf("/"))
  makeAll(lower, upper, parent)
  const target = `${resolve(lower, parent) ?? parent}/${path.slice(parent.length + 1)}`
  const components = target.split("/").filter((component) => component !== "")
  makeChain(upper, components, { last: "file", isLink: false })
}
