/**
 * Records a run of the generator, so that the next one can restore its units: what it read, what it made, and
 * what it logged. `oci-generator`, a shell script, compares and restores; that script describes the files.
 *
 * A memory appears in one step and is never changed. It is in a directory that only root can use, and its files
 * are among its own inputs, so that a memory that was truncated, changed or copied is not valid.
 */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import * as Either from "effect/Either"
import { TaggedError } from "../../domain/text/TaggedError.ts"
import { PRIVATE } from "../files/DirectoryMode.ts"
import * as Durable from "../files/Durable.ts"
import { type InputRecord, statLine } from "../files/InputRecord.ts"
import type { MemoryRequest } from "../host/GeneratorEnvironment.ts"
import type { Said } from "../host/GeneratorLog.ts"
import * as MemoryDirectory from "./MemoryDirectory.ts"
import * as UnitArchive from "./UnitArchive.ts"

/** The name of the link to the newest memory in such a directory. */
export const LAST = "last"

/** Why a run is not remembered. */
export class NotRemembered extends TaggedError("NotRemembered")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

export interface Run {
  readonly request: MemoryRequest
  readonly record: InputRecord
  readonly units: readonly UnitArchive.WrittenUnit[]
  readonly said: Said
}

/** Returns the directory of the memory. */
export const write = (run: Run): Either.Either<string, NotRemembered> => {
  const { distrusted } = run.record
  if (distrusted !== undefined) return refuse(distrusted)
  const head = headOf(run)
  if (Either.isLeft(head)) return Either.left(head.left)
  try {
    return publish(run, head.right)
  } catch (cause) {
    return refuse(cause instanceof Error ? cause.message : String(cause))
  }
}

const refuse = (reason: string) => Either.left(new NotRemembered({ reason }))

const publish = (run: Run, head: string): Either.Either<string, NotRemembered> => {
  const { record, request, said, units } = run
  const { directory } = request
  MemoryDirectory.make(directory)
  const files = new Map<string, string | Uint8Array>([
    ["head", head],
    ["usable", lines(record.roots?.usable ?? [])],
    ["foreign", lines([...(record.roots?.foreign ?? [])].sort(inBytes))],
    ["units", UnitArchive.of(units)],
    ["directories", [...record.identities.keys(), ""].join("\0")],
    ["kmsg", lines(said.kmsg)],
    ["stderr", lines(said.stderr)]
  ])
  const own = [".", ...["names", ...files.keys()].map((name) => `./${name}`)]
  files.set("names", [...own, ...record.paths.keys(), ""].join("\0"))
  const expected = lines([
    ...Array.from(record.paths.values()).filter((line) => line !== undefined),
    ...Array.from(record.identities, ([path, identity]) => `${path} ${identity}`)
  ])
  const size = [...files.values(), expected].reduce((sum, content) => sum + content.length, 0)
  // The units of other generators need the space more.
  const { bavail, bsize } = fs.statfsSync(directory)
  if (size > (bavail * bsize) / SHARE) return refuse(`${directory} has no space for ${size} more bytes`)

  const name = `${process.pid}-${process.hrtime.bigint().toString(36)}`
  const place = `${directory}/${name}`
  fs.mkdirSync(place, PRIVATE)
  try {
    for (const [file, content] of files) put(`${place}/${file}`, content)
    // The record of this directory is only true once the directory exists.
    put(`${place}/${EXPECTED}`, "")
    const ownLines = own.map((path) => statLine(path, fs.lstatSync(`${place}/${path}`, { bigint: true })))
    put(`${place}/${EXPECTED}`, lines(ownLines) + expected)
    Durable.flushDirectory(place)
    const link = `${directory}/.${LAST}-${name}`
    fs.symlinkSync(name, link)
    fs.renameSync(link, `${directory}/${LAST}`)
    Durable.flushDirectory(directory)
  } catch (cause) {
    fs.rmSync(place, { recursive: true, force: true })
    throw cause
  }
  for (const other of fs.readdirSync(directory)) {
    if (OTHERS.test(other) && other !== name)
      fs.rmSync(`${directory}/${other}`, { recursive: true, force: true })
  }
  return Either.right(place)
}

const put = (file: string, content: string | Uint8Array): void => {
  const fd = fs.openSync(file, "w", 0o600)
  try {
    fs.writeFileSync(fd, content)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** Prints a word and a value on each line, in the order in which the script checks them. */
const headOf = ({ record, request }: Run): Either.Either<string, NotRemembered> => {
  const head: string[] = [`asked ${request.asked}`, `boot ${bootId()}`]
  if (record.processor !== undefined) head.push(`processor ${record.processor}`)
  if (record.roots === undefined) return refuse("the mounted roots were not examined")
  head.push(`roots ${record.roots.directory}`)
  for (const place of record.places) head.push(`place ${place}`)
  for (const mount of record.mounts) head.push(`mount ${mount}`)
  head.push("mounts")
  for (const [path, real] of record.realPaths) head.push(`path ${path}`, `real ${real}`)
  head.push("end")
  return head.some((line) => line.includes("\n"))
    ? refuse("a path or an argument has a line break")
    : Either.right(lines(head))
}

const bootId = (): string => fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join("")

const inBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

const EXPECTED = "expected"
/** A memory takes at most this share of the free space. */
const SHARE = 4
/** Matches earlier memories, and links to them that were not renamed. */
const OTHERS = /^(?:\.last-)?[0-9]+-[0-9a-z]+$/

/**
 * Returns what has changed since a memory was made, as a clause; `undefined` if nothing has. The request is not
 * compared.
 */
export const difference = (memory: string, record: InputRecord): string | undefined => {
  let head: readonly string[]
  let before: ReadonlySet<string>
  let names: readonly string[]
  try {
    head = fs.readFileSync(`${memory}/head`, "utf8").split("\n")
    before = new Set(fs.readFileSync(`${memory}/${EXPECTED}`, "utf8").split("\n"))
    names = fs.readFileSync(`${memory}/names`, "utf8").split("\0")
  } catch {
    return "there was none"
  }
  const mounts = head.filter((line) => line.startsWith("mount ")).map((line) => line.slice("mount ".length))
  if (mounts.join("\n") !== record.mounts.join("\n"))
    return "something was mounted or unmounted where layouts and roots are"
  for (const [path, line] of record.paths) {
    if (line !== undefined && !before.has(line)) return `${path} has changed`
  }
  // A line of `stat` is a path and eight words.
  const were = new Set(Array.from(before, (line) => line.replace(/(?: [^ ]+){8}$/, "")))
  for (const [path, identity] of record.identities)
    if (!before.has(`${path} ${identity}`)) return `${path} is another directory`
  const gone = names.find(
    (path) => record.paths.has(path) && record.paths.get(path) === undefined && were.has(path)
  )
  return gone === undefined ? undefined : `${gone} is gone`
}
