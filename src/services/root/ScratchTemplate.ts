/**
 * The files of a template (`RootTemplate`), which `oci-prepare` copies at each start: the upper directory of the overlay with
 * its mount points, the pipe of the output, the table of mounts, the list of secrets and the records of users.
 */
import * as fs from "node:fs"
import { basename } from "node:path"
import * as OutputUnit from "../../domain/unit/OutputUnit.ts"
import type * as RootPaths from "../../domain/unit/RootPaths.ts"
import type { Records } from "../../domain/unit/UserRecord.ts"
import { PRIVATE, PUBLIC } from "../files/DirectoryMode.ts"
import * as Durable from "../files/Durable.ts"
import type { Calls } from "../files/NativeCalls.ts"
import * as MountPoints from "./MountPoints.ts"
import * as RootLookup from "./RootLookup.ts"

export interface TemplateParts {
  readonly roots: RootPaths.RootPaths
  readonly points: readonly MountPoints.MountPoint[]
  /** The working directory of the image's process, as a path in the root. */
  readonly workingDirectory: string
  readonly records: readonly Records[]
  /** The lines of the table of mounts. */
  readonly lines: readonly string[]
  /** The lines of the list of secrets. */
  readonly secrets: readonly string[]
  /** Whether what the service writes to its root is kept. */
  readonly isPersistent: boolean
}

/** Returns where the overlay's own directories lie in the directory of a template. */
export const scratchIn = (directory: string): string => `${directory}/scratch`

/** Returns where a directory of the overlay, which an absolute path names, lies in the template. */
export const placeIn = (directory: string, path: string): string =>
  `${scratchIn(directory)}/${basename(path)}`

/** Writes the files into the empty directory of a template. Throws errors of the system. */
export const write = (
  calls: Calls,
  directory: string,
  { isPersistent, lines, points, records, roots, secrets, workingDirectory }: TemplateParts
): void => {
  const { lower } = roots
  const scratch = scratchIn(directory)
  const upper = `${scratch}/upper`
  // An overlay shows the owner and mode of its upper directory as those of the root.
  const { gid, mode, uid } = fs.statSync(lower)
  for (const path of [scratch, upper, `${scratch}/work`]) Durable.makeDirectory(path, PRIVATE)
  fs.chownSync(upper, uid, gid)
  fs.chmodSync(upper, mode & 0o7777)
  RootLookup.makeDirectory(lower, upper, workingDirectory)
  MountPoints.makeInUpper(lower, upper, points)
  const output = placeIn(directory, OutputUnit.fifo(roots.overlay))
  calls.makeNode(Buffer.from(output), "fifo", OPEN_TO_WRITERS, 0, 0)
  // The mode is set whatever the umask is.
  fs.chmodSync(output, OPEN_TO_WRITERS)
  writeRecords(`${directory}/users`, records)
  fs.writeFileSync(`${directory}/mounts`, `${lines.join("\n")}\n`)
  if (secrets.length > 0) fs.writeFileSync(`${directory}/secrets`, `${secrets.join("\n")}\n`)
  if (isPersistent) {
    const place = RootLookup.destination(lower, workingDirectory)
    fs.writeFileSync(`${directory}/places`, MountPoints.places(points, place))
  }
}

/** Writes one directory with the records of all; none if there are no records. */
const writeRecords = (directory: string, records: readonly Records[]): void => {
  if (records.length === 0) return
  Durable.makeDirectory(directory, PUBLIC)
  for (const { files, links } of records) {
    for (const { name, content } of files) fs.writeFileSync(`${directory}/${name}`, content, { mode: 0o644 })
    for (const { name, target } of links) fs.symlinkSync(target, `${directory}/${name}`)
  }
}

/** The service may run as any user, and opens the pipe by the name of its own output. */
const OPEN_TO_WRITERS = 0o622
