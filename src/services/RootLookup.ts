/**
 * Questions to an extracted root filesystem: what is at a path, through which links, inside the root.
 *
 * An extract is never written and belongs to root, so that nothing changes between two looks. Links are followed by
 * hand: the kernel would take an absolute one from the host's root.
 */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import { type Account, type Group, parseGroup, parsePasswd } from "../domain/AccountFiles.ts"
import { CommandError } from "../domain/ImageCommand.ts"
import type { ImageProcess } from "../domain/ImageProcess.ts"
import * as ImageUser from "../domain/ImageUser.ts"
import type { RootFacts } from "../domain/RootFacts.ts"
import * as BoundedFile from "./BoundedFile.ts"

/** As many links as Linux follows. */
const MAX_LINKS = 40
/** Account files of large sites have some MiB. */
const MAX_ACCOUNT_FILE = 16 * 1024 * 1024

/** The path without links, relative to the root (`usr/bin/env`), or `undefined` where nothing is. */
export const resolve = (root: string, path: string): string | undefined => {
  const pending = path.split("/").reverse()
  const resolved: string[] = []
  let links = 0
  for (let component = pending.pop(); component !== undefined; component = pending.pop()) {
    if (component === "" || component === ".") continue
    if (component === "..") {
      resolved.pop()
      continue
    }
    const here = [root, ...resolved, component].join("/")
    const stat = lstat(here)
    if (stat === undefined) return undefined
    if (!stat.isSymbolicLink()) {
      resolved.push(component)
      continue
    }
    if (++links > MAX_LINKS) return undefined
    const target = fs.readlinkSync(here)
    if (target.startsWith("/")) resolved.length = 0
    pending.push(...target.split("/").reverse())
  }
  return resolved.join("/")
}

const lstat = (path: string): fs.Stats | undefined => {
  try {
    return fs.lstatSync(path)
  } catch {
    return undefined
  }
}

/** Everything that a unit for this process needs to know of the root. */
export const facts = (
  root: string,
  process: ImageProcess
): Effect.Effect<RootFacts, ImageUser.UserError | CommandError | BoundedFile.FileRefused> =>
  Effect.gen(function* () {
    const user = { user: process.user, identity: yield* identityOf(root, process.user) }
    const { command } = process
    if (command.path !== undefined) return { user }
    const [program] = command.argv
    const path = command.searchPath
      .map((directory) => `${directory === "/" ? "" : directory}/${program}`)
      .find((candidate) => isProgram(root, candidate))
    if (path === undefined) {
      return yield* new CommandError({
        reason: `the image's program ${JSON.stringify(program)} is in none of the directories of its PATH: ${command.searchPath.join(":")}`
      })
    }
    return { user, command: { program, searchPath: command.searchPath, path } }
  })

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
  let at = ""
  for (const component of path.split("/").filter((component) => component !== "")) {
    const below = resolve(lower, `${at}/${component}`)
    at = below ?? `${at}/${component}`.replace(/^\/+/, "")
    const parts = at.split("/")
    for (let depth = 1; depth <= parts.length; depth++) {
      const directory = parts.slice(0, depth).join("/")
      if (!makeOne(lstat(`${lower}/${directory}`), `${upper}/${directory}`)) return
    }
  }
}

/** False where something else is in the way. `model` is what the lower has there. */
const makeOne = (model: fs.Stats | undefined, path: string): boolean => {
  const existing = lstat(path)
  if (existing !== undefined) return existing.isDirectory()
  if (model === undefined) {
    fs.mkdirSync(path, { mode: 0o755 })
    return true
  }
  if (!model.isDirectory()) return false
  fs.mkdirSync(path)
  fs.chownSync(path, model.uid, model.gid)
  fs.chmodSync(path, model.mode & 0o7777)
  fs.utimesSync(path, model.atime, model.mtime)
  return true
}
