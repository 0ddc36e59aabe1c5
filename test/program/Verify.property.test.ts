/** What is extracted verifies; and whatever is done to one path of it, that path is found. */
import * as fs from "node:fs"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { LayerEntry } from "../../src/domain/archive/LayerEntry.ts"
import { fromText } from "../../src/domain/text/ByteString.ts"
import { NativeCalls } from "../../src/services/files/NativeCalls.ts"
import * as Privileges from "../../src/services/files/Privileges.ts"
import * as LayerArchive from "../support/LayerArchive.ts"
import { type Layer, layers, runs } from "../support/layerArbitraries.ts"
import { image, withPlace } from "../support/VerifyPlace.ts"

const isRoot = Privileges.isRoot()
const calls = await Effect.runPromise(Effect.provide(NativeCalls, NativeCalls.layer))
const bytes = (path: string) => Buffer.from(path)

/** The arbitrary attribute is one that a kernel would refuse. */
const possible = (entry: LayerEntry): LayerEntry =>
  entry._tag === "Hardlink" || entry.metadata.xattrs.size === 0
    ? entry
    : { ...entry, metadata: { ...entry.metadata, xattrs: new Map([[NOTE, new Uint8Array([1, 2])]]) } }
const NOTE = fromText("trusted.note")
const OTHER = fromText("trusted.other")

const archivesOf = (layers: ReadonlyArray<Layer>) =>
  layers.map(({ entries }) => LayerArchive.write(entries.map(possible)))

/** Everything in a root, as paths; the root itself is the first. Not readdir's own recursion: that follows links. */
const pathsIn = (root: string): ReadonlyArray<string> => [
  root,
  ...fs
    .readdirSync(root, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${root}/${entry.name}`
      return entry.isDirectory() ? pathsIn(path) : [path]
    })
]

/** Images bring links to anywhere, and the tests do damage: only to what is really in the root. */
const requireInside = (root: string, path: string): void =>
  assert.strictEqual(fs.realpathSync(dirname(path)), dirname(path), `${path} in ${root} leads through a link`)

const lstat = (path: string) => fs.lstatSync(path, { bigint: true })

/** What is done to a path; false where it cannot be done to this one. */
type Change = (path: string, root: string) => boolean

const setTime = (path: string, nanoseconds: bigint) => {
  const seconds = nanoseconds / BILLION - (nanoseconds % BILLION < 0n ? 1n : 0n)
  calls.setModified(bytes(path), {
    seconds: Number(seconds),
    nanoseconds: Number(nanoseconds - seconds * BILLION)
  })
}
const BILLION = 1_000_000_000n

/** To the inode: its other names show it as well. */
const INODE_CHANGES: Readonly<Record<string, Change>> = {
  mode: (path) => {
    if (lstat(path).isSymbolicLink()) return false
    fs.chmodSync(path, Number(lstat(path).mode & 0o7777n) ^ 0o2)
    return true
  },
  owner: (path) => {
    // chown takes setuid away: that would be found too, of the same path
    fs.lchownSync(path, 7, Number(lstat(path).gid))
    return true
  },
  group: (path) => {
    fs.lchownSync(path, Number(lstat(path).uid), 7)
    return true
  },
  time: (path) => {
    setTime(path, lstat(path).mtimeNs + 1n)
    return true
  },
  attribute: (path) => {
    calls.setXattr(bytes(path), OTHER, new Uint8Array())
    return true
  },
  "attribute's value": (path) => {
    if (!calls.listXattrs(bytes(path)).has(NOTE)) return false
    calls.setXattr(bytes(path), NOTE, new Uint8Array([1, 3]))
    return true
  },
  content: (path) => {
    const before = lstat(path)
    if (!before.isFile() || before.size === 0n) return false
    const [byte = 0] = fs.readFileSync(path)
    fs.writeFileSync(path, Buffer.of(byte ^ 1), { flag: "r+" })
    setTime(path, before.mtimeNs)
    return true
  },
  length: (path) => {
    const before = lstat(path)
    if (!before.isFile()) return false
    fs.truncateSync(path, Number(before.size) + 1)
    setTime(path, before.mtimeNs)
    return true
  }
}

/** To the name. */
const NAME_CHANGES: Readonly<Record<string, Change>> = {
  missing: (path, root) => {
    if (path === root) return false
    fs.rmSync(path, { recursive: true })
    return true
  },
  kind: (path, root) => {
    if (path === root) return false
    const wasFifo = lstat(path).isFIFO()
    fs.rmSync(path, { recursive: true })
    if (wasFifo) fs.mkdirSync(path)
    else calls.makeNode(bytes(path), "fifo", 0o644, 0, 0)
    return true
  },
  target: (path) => {
    const before = lstat(path)
    if (!before.isSymbolicLink()) return false
    const target = fs.readlinkSync(path)
    fs.rmSync(path)
    fs.symlinkSync(`${target}x`, path)
    return true
  },
  copy: (path) => {
    const before = lstat(path)
    if (!before.isFile() || namesOf(before.ino, pathsIn(rootOf(path))).length === 1) return false
    const data = fs.readFileSync(path)
    const attributes = calls.listXattrs(bytes(path))
    fs.rmSync(path)
    fs.writeFileSync(path, data)
    fs.chownSync(path, Number(before.uid), Number(before.gid))
    fs.chmodSync(path, Number(before.mode & 0o7777n))
    for (const [name, value] of attributes) calls.setXattr(bytes(path), name, value)
    setTime(path, before.mtimeNs)
    return true
  }
}

const rootOf = (path: string): string => path.replace(/(\/roots\/sha256\/..\/[0-9a-f]{64}).*/, "$1")

const namesOf = (inode: bigint, paths: ReadonlyArray<string>) =>
  paths.filter((path) => lstat(path).ino === inode)

const keepingTimeOf = (path: string, action: () => boolean): boolean => {
  const { mtimeNs } = lstat(path)
  const done = action()
  if (done) setTime(path, mtimeNs)
  return done
}

const CHANGES = [
  ...Object.entries(INODE_CHANGES).map(([what, change]) => ({ what, change, isOfInode: true })),
  ...Object.entries(NAME_CHANGES).map(([what, change]) => ({ what, change, isOfInode: false }))
]

/** A layer in which each of the changes is possible, whatever is below it. */
const CHANGEABLE = LayerArchive.write([
  LayerEntry.File({
    path: fromText("changeable/file"),
    metadata: {
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: { seconds: 1, nanoseconds: 0 },
      xattrs: new Map([[NOTE, new Uint8Array([1, 2])]])
    },
    size: 3,
    content: { layer: 0, offset: 0 }
  }),
  LayerEntry.Hardlink({ path: fromText("changeable/hard"), target: fromText("changeable/file") }),
  LayerEntry.Symlink({
    path: fromText("changeable/soft"),
    metadata: { mode: 0o777, uid: 0, gid: 0, mtime: { seconds: 1, nanoseconds: 0 }, xattrs: new Map() },
    target: fromText("file")
  })
])

/** There are layers that no root can be made of. */
const onlyUnmergeable = (error: Error): ReadonlyArray<string> => {
  if (!error.message.includes("cannot be applied")) throw error
  return []
}

/** Each takes a tenth of a second. */
const someRuns = { numRuns: Math.ceil(runs.numRuns / 5) }
/** For each kind of change. */
const fewRuns = { numRuns: Math.ceil(runs.numRuns / 40) }

describe.skipIf(!isRoot)(`verify${isRoot ? "" : " (skipped: needs root)"}`, () => {
  it("finds nothing in what was extracted", async () => {
    await fc.assert(
      fc.asyncProperty(layers(), (layers) =>
        withPlace(async ({ layout, extract, temporary, verify }) => {
          layout.index(layout.named("v1", image(layout, archivesOf(layers))))
          const [root] = await extract().catch(onlyUnmergeable)
          fc.pre(root !== undefined)
          assert.deepEqual((await verify({ deep: true })).lines, [])
          assert.deepEqual(fs.readdirSync(temporary), [])
        })
      ),
      someRuns
    )
  }, 3_600_000)

  it.each(CHANGES)(
    "finds a change of one path's $what, and nothing else",
    async ({ what, change, isOfInode }) => {
      // Of one inode that no hard link asks for, a copy is as good.
      const repetition = what === "copy" ? fc.constant(false) : fc.boolean()
      await fc.assert(
        fc.asyncProperty(layers(), repetition, fc.nat(), (layers, isRepeated, pick) =>
          withPlace(async ({ layout, extract, temporary, verify }) => {
            const archives = archivesOf(layers)
            // The same layer again: files that are one inode, though no hard link says so.
            const repeated = isRepeated ? archives.slice(0, 1) : []
            layout.index(layout.named("v1", image(layout, [...archives, ...repeated, CHANGEABLE])))
            const [root] = await extract().catch(onlyUnmergeable)
            fc.pre(root !== undefined)

            const paths = pathsIn(root)
            // Not every path can be changed in every way, but some path can.
            const rotated = paths.map((_, turn) => paths[(pick + turn) % paths.length] ?? root)
            const related = new Map<string, ReadonlyArray<string>>()
            const path = rotated.find((path) => {
              requireInside(root, path)
              related.set(path, namesOf(lstat(path).ino, paths))
              return isOfInode ? change(path, root) : keepingTimeOf(dirname(path), () => change(path, root))
            })
            if (path === undefined) assert.fail(`no path's ${what} can be changed`)
            const names = related.get(path) ?? []

            const { findings } = await verify({ deep: true })
            const found = findings.map((it) =>
              "path" in it ? `${root}${it.path === "" ? "" : `/${it.path}`}` : it._tag
            )
            const message = `${what} of ${path}: ${JSON.stringify(findings)}`
            if (isOfInode) assert.deepEqual([...found].sort(), [...names].sort(), message)
            else if (what === "missing" || what === "kind") assert.deepEqual(found, [path], message)
            else {
              // Nobody can say which of two names is no longer a hard link of the other.
              assert.isNotEmpty(found, message)
              for (const it of found) assert.include(names, it, message)
            }
            assert.deepEqual(fs.readdirSync(temporary), [])
          })
        ),
        fewRuns
      )
    },
    3_600_000
  )

  it(
    "finds what is added, wherever that is",
    () =>
      fc.assert(
        fc.asyncProperty(
          layers({ max: 2, hardlinks: false }),
          fc.nat(),
          fc.constantFrom("d", "\xff", ".wh.a"),
          (layers, pick, name) =>
            withPlace(async ({ layout, extract, verify }) => {
              layout.index(layout.named("v1", image(layout, archivesOf(layers))))
              const [root] = await extract().catch(onlyUnmergeable)
              fc.pre(root !== undefined)
              const directories = pathsIn(root).filter((path) => lstat(path).isDirectory())
              const directory = directories[pick % directories.length] ?? root
              requireInside(root, `${directory}/${name}`)
              keepingTimeOf(directory, () => {
                fs.writeFileSync(Buffer.concat([bytes(`${directory}/`), Buffer.from(name, "latin1")]), "x")
                return true
              })
              const { findings } = await verify({ deep: true })
              const path = `${directory}/${name}`.slice(root.length + 1)
              assert.deepEqual(
                findings.map((it) => (it._tag === "Added" ? [it.path as string, it.kind] : it)),
                [[path, "File"]]
              )
            })
        ),
        someRuns
      ),
    3_600_000
  )
})
