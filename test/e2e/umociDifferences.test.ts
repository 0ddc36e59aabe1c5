/** What docs/layers.md says of umoci: the layers of which it makes something else, on purpose. */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import { type ExtractionPlace, withPlace } from "../support/ExtractionPlace.ts"
import { sha256, temporary } from "../support/LayoutWriter.ts"
import * as RealTree from "../support/RealTree.ts"
import * as Tar from "../support/TarWriter.ts"
import { run } from "./support/Command.ts"
import { skipReason } from "./support/Machine.ts"

type Layers = ReadonlyArray<ReadonlyArray<Uint8Array>>
type Picture = Readonly<Record<string, string>>

const ERROR = "error"
const OK = "no error"

const file = (name: string, fields: Tar.Fields = {}, data = "") => Tar.member({ ...fields, name }, data)
const dir = (name: string) => Tar.member({ name, type: "5", mode: 0o755 })
const link = (name: string, target: string) => Tar.member({ name, type: "1", link: target })
const attribute = (name: string) => Tar.pax([[`SCHILY.xattr.${name}`, "y"]])

/** "755 now": the mode, the owner where it is not root, and the time where it is not 0. */
const pictureOf = (root: string, started: number): Picture => {
  const nodes = RealTree.read(root)
  const first = RealTree.firstNames(nodes)
  return Object.fromEntries(
    nodes.flatMap((node) => {
      const { kind, path, stat, xattrs } = node
      if (path === "") return []
      const at = Number(stat.mtimeNs / 1_000_000n)
      const said = [
        ...(kind === "directory" || kind === "file" ? [] : [kind]),
        ...(kind === "character" ? [RealTree.device(stat)] : []),
        ...(kind === "symlink" ? [] : [(stat.mode & 0o7777n).toString(8)]),
        ...(stat.uid === 0n ? [] : [`uid ${stat.uid}`]),
        ...(at === 0 ? [] : [at >= started - 1000 ? "now" : `@${at / 1000}`]),
        ...[...xattrs.keys()].filter((name) => name !== "security.selinux"),
        ...(first.get(node) === path ? [] : [`= ${first.get(node)}`])
      ]
      return [[path, said.join(" ")]]
    })
  )
}

const umoci = async (layout: string, target: string): Promise<string | undefined> => {
  try {
    await run(["umoci", "raw", "unpack", "--image", `${layout}:v1`, target])
    return target
  } catch {
    return undefined
  }
}

const compare = (
  what: string,
  fill: (place: ExtractionPlace) => void,
  theirs: Picture | typeof ERROR | typeof OK,
  ours: Picture | typeof ERROR | typeof OK
) =>
  it(what, () =>
    withPlace(async (place) => {
      using directory = temporary()
      const started = Date.now()
      fill(place)
      const unpacked = await umoci(place.layout.path, join(directory.path, "root"))
      const outcome = Either.getOrUndefined(await place.extract())
      const picture = (root: string | undefined, wanted: unknown) =>
        root === undefined ? ERROR : wanted === OK ? OK : pictureOf(root, started)
      assert.deepEqual(
        { umoci: picture(unpacked, theirs), ours: picture(outcome, ours) },
        { umoci: theirs, ours }
      )
    })
  )

const differ = (what: string, layers: Layers, theirs: Picture | typeof ERROR, ours: Picture | typeof ERROR) =>
  compare(
    what,
    ({ image }) =>
      image(
        layers.map((parts) => Tar.archive(...parts)),
        "v1"
      ),
    theirs,
    ours
  )

const reason = skipReason()
describe.skipIf(reason !== undefined)(`umoci differs in${reason ?? ""}`, () => {
  differ(
    "the time of parents that no entry describes",
    [[file("a/b")]],
    { a: "755 now", "a/b": "644" },
    { a: "755", "a/b": "644" }
  )
  differ(
    "the time of a directory whose whiteout comes after it",
    [
      [dir("a"), file("a/old")],
      [dir("a"), file("a/new"), file(".wh.a")]
    ],
    { a: "755 now", "a/new": "644" },
    { a: "755", "a/new": "644" }
  )
  differ("a hardlink after a whiteout of its target", [[file("a")], [file(".wh.a"), link("b", "a")]], ERROR, {
    b: "644"
  })
  differ("a hardlink before its target", [[link("a", "b"), file("b")]], ERROR, { a: "644", b: "644 = a" })
  differ("a file as a parent", [[file("a")], [file("a/b")]], ERROR, { a: "755", "a/b": "644" })
  differ("a name below a whiteout", [[file(".wh.a/b")]], { ".wh.a": "755 now", ".wh.a/b": "644" }, ERROR)
  differ(
    "AUFS metadata",
    [[dir(".wh..wh.plnk"), file(".wh..wh.plnk/1"), link("a", ".wh..wh.plnk/1")]],
    { ".wh..wh.plnk": "755 now", ".wh..wh.plnk/1": "644", a: "644 = .wh..wh.plnk/1" },
    { a: "644" }
  )
  differ(
    "attributes that speak to overlayfs",
    [[attribute("user.overlay.opaque"), dir("a")]],
    { a: "755 user.overlay.opaque" },
    { a: "755" }
  )
  differ(
    "an attribute of users on a symlink",
    [[attribute("user.a"), Tar.member({ name: "a", type: "2", link: "b" })]],
    ERROR,
    { a: "symlink" }
  )
  differ("uid 2³²+5", [[file("a", { uid: Tar.base256(2 ** 32 + 5, 8) })]], { a: "644 uid 5" }, ERROR)
  differ("uid 2³²−1", [[file("a", { uid: Tar.base256(2 ** 32 - 1, 8) })]], { a: "644" }, ERROR)
  differ(
    "device major 4096",
    [[Tar.member({ name: "a", type: "3", major: 4096, minor: 1 })]],
    { a: "character 0:1 644" },
    ERROR
  )
  differ(
    "a PAX path against a GNU long name",
    [[Tar.longName("gnu"), Tar.pax([["path", "pax"]]), file("a", { magic: Tar.GNU })]],
    { gnu: "644" },
    ERROR
  )
  differ("global headers", [[Tar.pax([["mtime", "9"]], "g"), file("a")]], ERROR, { a: "644" })
  differ("type 7", [[file("a", { type: "7" })]], ERROR, { a: "644" })
  differ("type V", [[file("label", { type: "V" }), file("a")]], ERROR, { a: "644" })
  differ(
    "old GNU sparse files",
    [[file("a", { type: "S", magic: Tar.GNU, tail: Tar.oldGnuTail([512, 3], 1024) }, "abc")]],
    ERROR,
    { a: "644" }
  )

  const one = Tar.archive(file("a"))
  const diffIds = (id: string) => ({ rootfs: { type: "layers", diff_ids: [id] } })
  const TAR = "application/vnd.oci.image.layer.v1.tar"
  compare(
    "zeros after gzip data",
    ({ layout }) => {
      const layer = layout.blob(`${TAR}+gzip`, Buffer.concat([gzipSync(one), Buffer.alloc(512)]))
      layout.index(layout.named("v1", layout.image(diffIds(sha256(one)), { layers: [layer] })))
    },
    ERROR,
    { a: "644" }
  )
  compare(
    "sha512",
    ({ layout }) => {
      const digest = `sha512:${createHash("sha512").update(one).digest("hex")}`
      layout.write(layout.blobPath(digest), one)
      const layer = { mediaType: TAR, digest, size: one.length }
      layout.index(layout.named("v1", layout.image(diffIds(digest), { layers: [layer] })))
    },
    ERROR,
    { a: "644" }
  )
  compare(
    "a key that appears twice",
    ({ layout }) => {
      const image = layout.image(diffIds(sha256(one)), {}, one)
      const text = readFileSync(join(layout.path, layout.blobPath(image.digest)), "utf8")
      const twice = text.replace("{", '{"schemaVersion":2,')
      layout.index(layout.named("v1", layout.blob(image.mediaType, Buffer.from(twice))))
    },
    OK,
    ERROR
  )
  compare(
    "embedded data that is not what its digest says",
    ({ layout }) =>
      layout.index(
        layout.named("v1", { ...layout.image(diffIds(sha256(one)), {}, one), ...{ data: "e30=" } })
      ),
    OK,
    ERROR
  )
})
