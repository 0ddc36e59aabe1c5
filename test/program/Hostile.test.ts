/**
 * Layers as an attacker would write them, through the whole extraction and into real directories. A canary stands beside
 * the root: `withPlace` holds after every extraction that nothing outside has changed and nothing is left over.
 */
import { execFileSync } from "node:child_process"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as Privileges from "../../src/services/files/Privileges.ts"
import type { Canary } from "../support/Canary.ts"
import { withPlace } from "../support/ExtractionPlace.ts"
import * as RealTree from "../support/RealTree.ts"
import * as Tar from "../support/TarWriter.ts"

const privileged = Privileges.isRoot()

// ── Layers, briefly ──────────────────────────────────────────────────────────────────────────────────────────────

type Parts = ReadonlyArray<Uint8Array>
type Fields = Omit<Tar.Fields, "name" | "link">

/** A member of any name and target: GNU's long ones where the header has no room. */
const named = (
  fields: Tar.Fields & { readonly name: string; readonly link?: string },
  data = ""
): Uint8Array =>
  Buffer.concat([
    ...(fields.name.length > 100 ? [Tar.longName(fields.name)] : []),
    ...((fields.link ?? "").length > 100 ? [Tar.longName(fields.link ?? "", "K")] : []),
    Tar.member({ magic: Tar.GNU, ...fields }, data)
  ])
const file = (name: string, data = "evil", fields: Fields = {}) => named({ ...fields, name }, data)
const dir = (name: string, mode = 0o755) => named({ name, type: "5", mode })
const symlink = (name: string, link: string) => named({ name, type: "2", link, mode: 0o777 })
const link = (name: string, to: string, fields: Fields = {}) =>
  named({ ...fields, name, type: "1", link: to })
const fifo = (name: string, data = "") => named({ name, type: "6" }, data)
const device = (name: string, major: number, minor: number, type = "3") => named({ name, type, major, minor })
const pax = (...list: ReadonlyArray<readonly [string, string | Uint8Array]>) => Tar.pax(list)

/** From anywhere in the root to a path outside, if anybody were to follow it. */
const upTo = (path: string) => `${"../".repeat(60)}${path.slice(1)}`

// ── Roots, briefly: "755", "644 evil", "-> target", "= other name", "fifo 644", "character 1:3 644" ────────────────

type Picture = Readonly<Record<string, string>>

const me = BigInt(process.geteuid?.() ?? 0)

const lineOf = (node: RealTree.RealNode, first: string): string => {
  const { content, kind, path, stat, target, xattrs } = node
  if (first !== path) return `= ${first}`
  const attributes = [
    (stat.mode & 0o7777n).toString(8),
    ...(stat.uid === me ? [] : [`${stat.uid}:${stat.gid}`]),
    ...[...xattrs.keys()].filter((name) => name !== "security.selinux")
  ].join(" ")
  switch (kind) {
    case "directory":
      return attributes
    case "file":
      return `${attributes} ${content ?? `${stat.size} bytes`}`
    case "symlink":
      return `-> ${target}`
    case "character":
    case "block":
      return `${kind} ${RealTree.device(stat)} ${attributes}`
    default:
      return `${kind} ${attributes}`
  }
}

const pictureOf = (root: string): Picture => {
  const nodes = RealTree.read(root)
  const first = RealTree.firstNames(nodes)
  const lines = nodes.map((node) => [node.path, lineOf(node, first.get(node) ?? "")] as const)
  return Object.fromEntries(
    lines.filter(([path, line]) => path !== "" || line !== "755").map(([path, line]) => [path || "/", line])
  )
}

/** What is found inside the root where a layer meant a place outside, and the directories that lead there. */
const inside = (outside: string, lines: Picture): Picture => {
  const parts = outside.slice(1).split("/")
  return {
    ...Object.fromEntries(parts.map((_, index) => [parts.slice(0, index + 1).join("/"), "755"])),
    ...Object.fromEntries(
      Object.entries(lines).map(([name, line]) => [
        name === "" ? parts.join("/") : `${parts.join("/")}/${name}`,
        line
      ])
    )
  }
}

/** Only root makes devices; 0:0 is none, and anybody makes it (Linux 5.8). */
const possible = (picture: Picture): Picture =>
  privileged
    ? picture
    : Object.fromEntries(
        Object.entries(picture).filter(([, line]) => !/^(?:character|block) (?!0:0 )/.test(line))
      )

type Layers = ReadonlyArray<Parts> | ((canary: Canary) => ReadonlyArray<Parts>)
type Case = readonly [what: string, layers: Layers, root: Picture | ((canary: Canary) => Picture)]
type Refusal = readonly [what: string, layers: Layers, why: RegExp]

const layersOf = (layers: Layers, canary: Canary) =>
  (typeof layers === "function" ? layers(canary) : layers).map((parts) => Tar.archive(...parts))

const gives = (cases: ReadonlyArray<Case>) => {
  for (const [what, layers, root] of cases) {
    it(what, () =>
      withPlace(async ({ canary, extract, image }) => {
        image(layersOf(layers, canary))
        const outcome = await extract()
        if (Either.isLeft(outcome)) return assert.fail(outcome.left)
        const expected = typeof root === "function" ? root(canary) : root
        assert.deepEqual(pictureOf(outcome.right), possible(expected))
      })
    )
  }
}

const refuses = (cases: ReadonlyArray<Refusal>) => {
  for (const [what, layers, why] of cases) {
    it(what, () =>
      withPlace(async ({ canary, extract, image }) => {
        image(layersOf(layers, canary))
        const outcome = await extract()
        if (Either.isRight(outcome)) return assert.fail(JSON.stringify(pictureOf(outcome.right)))
        assert.match(outcome.left, why)
        assert.match(outcome.left, /^example\.org\/app:latest: layer sha256:[0-9a-f]{64}/)
      })
    )
  }
}

// ── The attacks ──────────────────────────────────────────────────────────────────────────────────────────────────

describe("names that lead outside", () => {
  gives([
    [
      "an absolute name",
      ({ path }) => [[file(`${path}/file`)]],
      ({ path }) => inside(path, { file: "644 evil" })
    ],
    [
      "a name with .. in front",
      ({ path }) => [[file(upTo(`${path}/file`))]],
      ({ path }) => inside(path, { file: "644 evil" })
    ],
    [
      "a name with .. in the middle",
      ({ path }) => [[dir("a/b"), file(`a/b/${upTo(`${path}/file`)}`)]],
      ({ path }) => ({ a: "755", "a/b": "755", ...inside(path, { file: "644 evil" }) })
    ],
    [
      "an absolute directory that takes rights away",
      ({ path }) => [[dir(`${path}/dir/`, 0o500)]],
      ({ path }) => inside(path, { dir: "500" })
    ],
    [
      "an absolute symlink, hardlink, fifo and device",
      ({ path }) => [
        [
          file(`${path}/x`),
          symlink(`${path}/file`, "x"),
          link(`${path}/secret`, `${path}/x`),
          fifo(`${path}/link`),
          device(`${path}/setuid`, 1, 3)
        ]
      ],
      ({ path }) =>
        inside(path, {
          file: "-> x",
          link: "fifo 644",
          secret: "644 evil",
          setuid: "character 1:3 644",
          x: `= ${path.slice(1)}/secret`
        })
    ],
    [".. as a directory is the root", [[dir("..", 0o700)]], { "/": "700" }],
    ["../../. as a directory is the root", [[dir("../.././", 0o711)]], { "/": "711" }],
    ["an absolute root directory", [[dir("/", 0o1777)]], { "/": "1777" }],
    ["only as many .. as there are names before", [[file("a/../../b/../c")]], { c: "644 evil" }],
    [
      "a name of three dots, of spaces, of .. and a space",
      [[file("..."), file(" "), file(".. /x")]],
      {
        "...": "644 evil",
        " ": "644 evil",
        ".. ": "755",
        ".. /x": "644 evil"
      }
    ],
    ["backslashes", [[file("..\\..\\x"), file("C:\\x")]], { "..\\..\\x": "644 evil", "C:\\x": "644 evil" }],
    [
      "dots of other alphabets",
      [[file("\xe2\x80\xa4\xe2\x80\xa4/x")]],
      { "\xe2\x80\xa4\xe2\x80\xa4": "755", "\xe2\x80\xa4\xe2\x80\xa4/x": "644 evil" }
    ],
    [
      "names of /proc",
      [
        [
          file("proc/self/fd/0"),
          file("/proc/self/root/x"),
          symlink("proc/self/cwd", "/"),
          file("proc/self/cwd/y")
        ]
      ],
      {
        proc: "755",
        "proc/self": "755",
        "proc/self/cwd": "-> /",
        "proc/self/fd": "755",
        "proc/self/fd/0": "644 evil",
        "proc/self/root": "755",
        "proc/self/root/x": "644 evil",
        y: "644 evil"
      }
    ]
  ])
  refuses([
    [".. as a file", [[file("a"), file("..")]], /entry "\.\.": the root can only be a directory/],
    [". as a symlink", ({ path }) => [[symlink(".", path)]], /entry "\.": the root can only be a directory/],
    ["/ as a hardlink", [[file("a"), link("/", "a")]], /entry "\/": the root can only be a directory/],
    ["a/.. as a fifo", [[fifo("a/..")]], /entry "a\/\.\.": the root can only be a directory/],
    ["no name", [[file("")]], /entry "": the root can only be a directory/]
  ])
})

describe("symlinks that lead outside", () => {
  gives([
    [
      "absolute, as a parent",
      ({ path }) => [[symlink("out", path), file("out/file")]],
      ({ path }) => ({ out: `-> ${path}`, ...inside(path, { file: "644 evil" }) })
    ],
    [
      "relative, as a parent",
      ({ path }) => [[symlink("d/out", upTo(path)), file("d/out/file")]],
      ({ path }) => ({ d: "755", "d/out": `-> ${upTo(path)}`, ...inside(path, { file: "644 evil" }) })
    ],
    [
      "as a parent in a later layer",
      ({ path }) => [[symlink("out", path)], [file("out/dir/inner/file")]],
      ({ path }) => ({
        out: `-> ${path}`,
        ...inside(path, { dir: "755", "dir/inner": "755", "dir/inner/file": "644 evil" })
      })
    ],
    [
      "to a symlink of the host",
      ({ path }) => [[symlink("out", `${path}/dirlink`), file("out/inner/file")]],
      ({ path }) => ({
        out: `-> ${path}/dirlink`,
        ...inside(path, { dirlink: "755", "dirlink/inner": "755", "dirlink/inner/file": "644 evil" })
      })
    ],
    [
      "in steps that are harmless each",
      [[symlink("a/b/c", ".."), symlink("a/d", "b/c/.."), symlink("e", "a/d/.."), file("e/../../x")]],
      { a: "755", "a/b": "755", "a/b/c": "-> ..", "a/d": "-> b/c/..", e: "-> a/d/..", x: "644 evil" }
    ],
    [
      "in steps, and through them",
      [
        [symlink("a/b/c", ".."), symlink("a/d", "b/c/.."), symlink("e", "a/d/.."), file("e/x"), file("a/d/y")]
      ],
      {
        a: "755",
        "a/b": "755",
        "a/b/c": "-> ..",
        "a/d": "-> b/c/..",
        e: "-> a/d/..",
        x: "644 evil",
        y: "644 evil"
      }
    ],
    [
      "to the root of the host",
      [[symlink("r", "/"), file("r/etc/passwd"), file("r/root/.ssh/authorized_keys")]],
      {
        etc: "755",
        "etc/passwd": "644 evil",
        r: "-> /",
        root: "755",
        "root/.ssh": "755",
        "root/.ssh/authorized_keys": "644 evil"
      }
    ],
    [
      "to what a process has open",
      ({ path }) => [
        [symlink("a", "/proc/self/cwd"), symlink("b", `/proc/self/root${path}`), file("a/x"), file("b/file")]
      ],
      ({ path }) => ({
        a: "-> /proc/self/cwd",
        b: `-> /proc/self/root${path}`,
        "proc/self/cwd": "755",
        "proc/self/cwd/x": "644 evil",
        ...inside(`/proc/self/root${path}`, { file: "644 evil" })
      })
    ],
    [
      "replaced by a file of its name",
      ({ path }) => [[symlink("x", `${path}/file`), file("x")]],
      { x: "644 evil" }
    ],
    [
      "replaced by a file of its name in a later layer",
      ({ path }) => [[symlink("x", `${path}/file`)], [file("x")]],
      { x: "644 evil" }
    ],
    [
      "replaced by a fifo and by a device",
      ({ path }) => [
        [symlink("x", `${path}/file`), symlink("y", `${path}/file`), fifo("x"), device("y", 1, 3)]
      ],
      { x: "fifo 644", y: "character 1:3 644" }
    ],
    [
      "replaced by a directory that takes rights away",
      ({ path }) => [[symlink("x", `${path}/dir`), dir("x", 0o500), file("x/inner")]],
      { x: "500", "x/inner": "644 evil" }
    ],
    [
      "replaced by a directory in a later layer, with attributes",
      ({ path }) => [
        [symlink("x", path)],
        [pax(["mtime", "5"], ["SCHILY.xattr.user.evil", "1"]), dir("x/", 0o700), file("x/file")]
      ],
      { x: "700 user.evil", "x/file": "644 evil" }
    ],
    [
      "in place of a directory that is written to afterwards",
      ({ path }) => [[dir("x"), file("x/a"), symlink("x", path), file("x/b")]],
      ({ path }) => ({ x: `-> ${path}`, ...inside(path, { b: "644 evil" }) })
    ],
    [
      "in place of a directory of a lower layer",
      ({ path }) => [[dir("x"), file("x/a")], [symlink("x", path)], [file("x/b"), dir("x/dir", 0o500)]],
      ({ path }) => ({ x: `-> ${path}`, ...inside(path, { b: "644 evil", dir: "500" }) })
    ],
    [
      "replaced three times, and written to each time",
      ({ path }) => [
        [symlink("x", path), file("x/a"), dir("x"), file("x/b"), symlink("x", upTo(path)), file("x/c")]
      ],
      ({ path }) => ({ x: `-> ${upTo(path)}`, ...inside(path, { a: "644 evil", c: "644 evil" }) })
    ],
    [
      "to a file, as a parent",
      [[file("f"), symlink("x", "f"), file("x/y")]],
      { f: "755", "f/y": "644 evil", x: "-> f" }
    ],
    ["to itself by a dot", [[symlink("a", "."), file("a/a/a/a/x")]], { a: "-> .", x: "644 evil" }],
    ["to ..", [[symlink("a", ".."), file("a/a/../a/x")]], { a: "-> ..", x: "644 evil" }],
    [
      "through the same link as its target",
      ({ path }) => [[symlink("a", path), symlink("a/b", "../a"), file("a/b/x")]],
      ({ path }) => ({
        a: `-> ${path}`,
        ...inside(path, { b: "-> ../a" }),
        ...inside(`${path.slice(0, path.lastIndexOf("/"))}/a`, { x: "644 evil" })
      })
    ],
    [
      "round in a circle, as what they are",
      [[symlink("a", "b"), symlink("b", "a")]],
      { a: "-> b", b: "-> a" }
    ],
    [
      "with a newline and bytes in the target",
      [[symlink("a", "x\n\xff/\x1b[2J"), file("a/y")]],
      { a: "-> x\n\xff/\x1b[2J", "x\n\xff": "755", "x\n\xff/\x1b[2J": "755", "x\n\xff/\x1b[2J/y": "644 evil" }
    ]
  ])
  refuses([
    [
      "round in a circle, as a parent",
      [[symlink("a", "b"), symlink("b", "a"), file("a/x")]],
      /entry "a\/x": its parent leads through too many symlinks/
    ],
    [
      "to itself, as a parent, in a later layer",
      [[symlink("a", "a")], [dir("a/x")]],
      /entry "a\/x": its parent leads through too many symlinks/
    ],
    [
      "that double at every step",
      [
        [
          ...Array.from({ length: 20 }, (_, at) => symlink(`l${at}`, `l${at + 1}/../l${at + 1}/..`)),
          dir("l20"),
          file("l0/x")
        ]
      ],
      /entry "l0\/x": its parent leads through too many symlinks/
    ],
    [
      "to a name that no file system has",
      [[symlink("a", "n".repeat(256)), file("a/x")]],
      /entry "a\/x": its parent leads through a symlink to a name that is too long/
    ],
    ["to nothing", [[symlink("a", "")]], /link target "" is empty/],
    ["longer than Linux has them", [[symlink("a", "x/".repeat(2048))]], /over 4095 bytes/]
  ])
})

describe("hardlinks that lead outside", () => {
  gives([
    [
      "to a symlink that leads out, then written to",
      ({ path }) => [[symlink("s", `${path}/file`), link("h", "s"), file("h")]],
      ({ path }) => ({ h: "644 evil", s: `-> ${path}/file` })
    ],
    [
      "to a symlink that leads out, then written through",
      ({ path }) => [[symlink("s", path), link("h", "s")], [file("h/file")]],
      ({ path }) => ({ h: `-> ${path}`, s: "= h", ...inside(path, { file: "644 evil" }) })
    ],
    [
      "with attributes of their own, which do not count",
      [[file("f"), link("h", "f", { mode: 0o4777, uid: 7, gid: 7, mtime: 9 })]],
      { f: "644 evil", h: "= f" }
    ],
    [
      "through a symlink, in place of a directory",
      ({ path }) => [[symlink("out", path), file("out/a"), file("out/d/x"), link("out/d", "out/a")]],
      ({ path }) => ({
        out: `-> ${path}`,
        ...inside(path, { a: "644 evil", d: `= ${path.slice(1)}/a` })
      })
    ],
    [
      "to a later entry",
      [[link("a", "b"), link("b", "/c"), file("c")]],
      { a: "644 evil", b: "= a", c: "= a" }
    ],
    [
      "to what the same layer hides",
      [[file("a", "below")], [link("b", "a"), file(".wh.a"), file("c")]],
      { b: "644 below", c: "644 evil" }
    ],
    [
      "to a fifo and to a device",
      [[fifo("a"), device("c", 1, 3), link("b", "a"), link("d", "c")]],
      { a: "fifo 644", b: "= a", ...(privileged ? { c: "character 1:3 644", d: "= c" } : {}) }
    ]
  ])
  const missing = (to: string) =>
    new RegExp(`entry "h": the hardlink's target "${to}.*" is neither in the layer nor`)
  refuses([
    ["absolute", ({ path }) => [[link("h", `${path}/file`)]], missing("/")],
    ["with ..", ({ path }) => [[link("h", upTo(`${path}/file`))]], missing("\\.\\./")],
    ["to the host's accounts", [[link("h", "/etc/shadow")]], missing("/etc/shadow")],
    [
      "through a symlink that leads out",
      ({ path }) => [[symlink("out", path), link("h", "out/file")]],
      missing("out/file")
    ],
    [
      "through a symlink of a lower layer that leads out",
      ({ path }) => [[symlink("out", upTo(path))], [link("h", "out/secret")]],
      missing("out/secret")
    ],
    ["to what a process has open", [[link("h", "/proc/self/fd/3")]], missing("/proc/self/fd/3")],
    [
      "to AUFS metadata that is not there",
      [[link("h", ".wh..wh.plnk/1.2")]],
      missing("\\.wh\\.\\.wh\\.plnk")
    ],
    ["to the root", [[link("h", "/..")]], /entry "h": the hardlink's target "\/\.\." is a directory/],
    ["to a directory", [[dir("d"), link("h", "d")]], /entry "h": the hardlink's target "d" is a directory/],
    [
      "to itself",
      [[file("h"), link("h", "./h")]],
      /entry "h": the hardlink's target "\.\/h" is the link itself/
    ],
    ["to one another", [[link("a", "b"), link("b", "a")]], /is neither in the layer nor below it/],
    ["with data", [[file("a"), named({ name: "h", type: "1", link: "a" }, "evil")]], /only files have data/]
  ])
})

describe("whiteouts that lead outside", () => {
  gives([
    [
      "through a symlink",
      ({ path }) => [[symlink("out", path)], [file("out/.wh.file", ""), file("out/.wh.dir", "")]],
      ({ path }) => ({ out: `-> ${path}` })
    ],
    [
      "opaque, through a symlink",
      ({ path }) => [[symlink("out", upTo(path))], [file("out/.wh..wh..opq", "")]],
      ({ path }) => ({ out: `-> ${upTo(path)}` })
    ],
    ["absolute", ({ path }) => [[file("a")], [file(`${path}/.wh.file`, "")]], { a: "644 evil" }],
    ["with ..", ({ path }) => [[file("a")], [file(upTo(`${path}/.wh..wh..opq`), "")]], { a: "644 evil" }],
    ["of the symlink itself", ({ path }) => [[symlink("out", path)], [file(".wh.out", "")]], {}],
    [
      "of a symlink, then a directory in its place",
      ({ path }) => [[symlink("out", path)], [file(".wh.out", ""), file("out/file")]],
      { out: "755", "out/file": "644 evil" }
    ],
    [
      "as symlinks, hardlinks and directories",
      ({ path }) => [
        [file("a"), file("b"), file("c")],
        [symlink(".wh.a", path), link(".wh.b", `${path}/file`), dir(".wh.c", 0)]
      ],
      {}
    ],
    [
      "AUFS metadata, whatever it is",
      ({ path }) => [
        [
          symlink(".wh..wh.aufs", path),
          file(".wh..wh.aufs/file"),
          dir(".wh..wh.orph"),
          device(".wh..wh.plnk/1", 1, 3)
        ]
      ],
      {}
    ],
    [
      "a name that only looks like one",
      [[file(".wh"), file("a.wh.b"), file(".wh.a/../x")]],
      {
        ".wh": "644 evil",
        "a.wh.b": "644 evil",
        x: "644 evil"
      }
    ],
    [
      "attributes and devices that overlayfs takes for whiteouts",
      ({ path }) => [
        [
          pax(["SCHILY.xattr.trusted.overlay.redirect", path], ["SCHILY.xattr.user.overlay.opaque", "y"]),
          dir("d/"),
          pax(["SCHILY.xattr.trusted.overlay.metacopy", ""], ["SCHILY.xattr.user.kept", "y"]),
          file("f"),
          device("w", 0, 0)
        ]
      ],
      { d: "755", f: "644 user.kept evil", w: "character 0:0 644" }
    ]
  ])
  refuses([
    ["of nothing", [[file(".wh.", "")]], /the name "\.wh\." is a whiteout of nothing/],
    ["of the directory", [[file("a/.wh..", "")]], /the name "a\/\.wh\.\." is a whiteout of nothing/],
    ["of its parent", [[file("a/.wh...", "")]], /the name "a\/\.wh\.\.\." is a whiteout of nothing/],
    ["as parents", [[file(".wh.a/b")]], /the name "\.wh\.a\/b" is below a whiteout/],
    [
      "as parents that are symlinks",
      ({ path }) => [[symlink(".wh.a", path), file(".wh.a/file")]],
      /below a whiteout/
    ],
    ["opaque markers as parents", [[dir(".wh..wh..opq"), file(".wh..wh..opq/x")]], /below a whiteout/],
    ["of .. as a parent", [[file(".wh.../file")]], /the name "\.wh\.\.\.\/file" is below a whiteout/]
  ])
})

describe("nodes", () => {
  gives([
    [
      "a device below a symlink that leads out",
      ({ path }) => [[symlink("out", path), device("out/file", 8, 0, "4")]],
      ({ path }) => ({ out: `-> ${path}`, ...inside(path, { file: "block 8:0 644" }) })
    ],
    ["the largest device numbers", [[device("x", 4095, 1048575)]], { x: "character 4095:1048575 644" }],
    ["a fifo as a parent", [[fifo("a"), file("a/b")]], { a: "755", "a/b": "644 evil" }],
    [
      "a fifo for the accounts, which nobody waits for",
      [[fifo("etc/passwd"), fifo("etc/group")]],
      {
        etc: "755",
        "etc/group": "fifo 644",
        "etc/passwd": "fifo 644"
      }
    ],
    [
      "a file that replaces a directory of files",
      [[file("d/a"), file("d/b/c"), file("d")]],
      { d: "644 evil" }
    ],
    [
      "type bits in the mode",
      [[file("a", "evil", { mode: 0o120644 }), dir("d", 0o100700)]],
      {
        a: "644 evil",
        d: "700"
      }
    ],
    [
      "a directory without the right to write, and children",
      [[dir("d", 0o500), file("d/a"), dir("d/e", 0o500), file("d/e/f")]],
      {
        d: "500",
        "d/a": "644 evil",
        "d/e": "500",
        "d/e/f": "644 evil"
      }
    ],
    [
      "a type that is ignored",
      [[named({ name: "label", type: "V" }, "x".repeat(513)), file("a")]],
      {
        a: "644 evil"
      }
    ]
  ])
  it.skipIf(!privileged)("setuid and setgid stay what they are, inside alone", () =>
    withPlace(async ({ canary, extract, image }) => {
      const parts = [
        symlink("out", canary.path),
        file("out/setuid", "evil", { mode: 0o6755, uid: 12, gid: 34 }),
        dir("tmp2", 0o3777)
      ]
      image([Tar.archive(...parts)])
      assert.deepEqual(pictureOf(Either.getOrThrow(await extract())), {
        out: `-> ${canary.path}`,
        tmp2: "3777",
        ...inside(canary.path, { setuid: "6755 12:34 evil" })
      })
    })
  )
  refuses([
    ["a fifo with data", [[fifo("a", "evil")]], /member "a" .*its size "4" should be 0/],
    [
      "a device with data",
      [[named({ name: "a", type: "3", major: 1, minor: 3 }, "evil")]],
      /only files have data/
    ],
    ["a directory with data", [[named({ name: "a/", type: "5" }, "evil")]], /only files have data/],
    ["a symlink with data", [[named({ name: "a", type: "2", link: "b" }, "evil")]], /only files have data/],
    ["a device major of 4096", [[device("a", 4096, 0)]], /device major/],
    ["an owner who means nobody", [[pax(["uid", "4294967295"]), file("a")]], /uid "4294967295"/],
    [
      "an owner who becomes root when it is cut off",
      [[named({ name: "a", uid: Tar.base256(2 ** 32, 8) })]],
      /uid/
    ],
    ["a type of another tar", [[named({ name: "a", type: "D" }, "evil")]], /type "D"/]
  ])
})

describe("names that are odd", () => {
  gives([
    [
      "newlines, escapes, and bytes that are no text",
      [[file("a\nb"), file("\x1b[2J"), file("\xff\xfe"), file("-rf"), file("$(id)"), dir("d\r/e\t")]],
      {
        "\x1b[2J": "644 evil",
        "$(id)": "644 evil",
        "-rf": "644 evil",
        "a\nb": "644 evil",
        "d\r": "755",
        "d\r/e\t": "755",
        "\xff\xfe": "644 evil"
      }
    ],
    ["a name that a NUL ends", [[file("a\0/../../b")]], { a: "644 evil" }],
    [
      "a name of 255 bytes",
      [[file("n".repeat(255)), dir(`${"m".repeat(255)}/${"o".repeat(255)}`)]],
      {
        ["n".repeat(255)]: "644 evil",
        ["m".repeat(255)]: "755",
        [`${"m".repeat(255)}/${"o".repeat(255)}`]: "755"
      }
    ],
    [
      "2000 directories deep",
      [[file(`${"d/".repeat(2000)}f`)]],
      Object.fromEntries([
        ...Array.from({ length: 2000 }, (_, at) => [
          Array(at + 1)
            .fill("d")
            .join("/"),
          "755"
        ]),
        [`${"d/".repeat(2000)}f`, "644 evil"]
      ])
    ],
    [
      "a path of 4096 bytes",
      [[file(longPath(4096))]],
      () =>
        inside(`/${parentOf(longPath(4096))}`, {
          [longPath(4096).slice(parentOf(longPath(4096)).length + 1)]: "644 evil"
        })
    ],
    [
      "one name as a file, a directory, a symlink, and a file again",
      [[file("a"), dir("a"), file("a/b"), symlink("a", "c"), file("a/d"), file("a", "last")]],
      { a: "644 last", c: "755", "c/d": "644 evil" }
    ],
    ["a file with a slash is a directory", [[file("a/", ""), file("b/.")]], { a: "644", b: "644 evil" }]
  ])
  refuses([
    ["a NUL in a PAX path", [[pax(["path", "a\0b"]), file("x")]], /NUL/],
    ["a NUL in a PAX link target", [[pax(["linkpath", "a\0b"]), symlink("x", "y")]], /NUL/],
    ["a name of 256 bytes", [[file("n".repeat(256))]], /component over 255 bytes/],
    ["a path of 4097 bytes", [[file(longPath(4097))]], /over 4096 bytes/],
    [
      "a path that symlinks make longer than that",
      [[symlink("l", "d/".repeat(2000)), symlink("m", `l/${"e/".repeat(2000)}`), file("m/x")]],
      /leads through a symlink to a path that is too long/
    ]
  ])
})

function longPath(length: number): string {
  return "n".repeat(100).concat("/").repeat(41).slice(0, length)
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"))
}

describe("archives that say one thing and mean another", () => {
  const hidden = (path: string) => Buffer.concat([Tar.member({ name: `..${path}/file` }, "evil")])
  gives([
    [
      "a PAX path over a harmless name",
      ({ path }) => [[pax(["path", upTo(`${path}/file`)]), file("harmless")]],
      ({ path }) => inside(path, { file: "644 evil" })
    ],
    [
      "a PAX link target over a harmless one",
      ({ path }) => [[pax(["linkpath", path]), symlink("out", "harmless"), file("out/file")]],
      ({ path }) => ({ out: `-> ${path}`, ...inside(path, { file: "644 evil" }) })
    ],
    [
      "a GNU long name over a harmless name",
      ({ path }) => [[Tar.longName(`/../..${path}/file`), Tar.member({ name: "harmless" }, "evil")]],
      ({ path }) => inside(path, { file: "644 evil" })
    ],
    [
      "a ustar prefix that leads out",
      ({ path }) => [[Tar.member({ prefix: `..${path}`, name: "../file" }, "evil")]],
      ({ path }) => inside(parentOf(path), { file: "644 evil" })
    ],
    [
      "a PAX size of 0 over data that is a member itself",
      ({ path }) => [[pax(["size", "0"]), Tar.member({ name: "a" }, hidden(path))]],
      ({ path }) => ({ a: "644 ", ...inside(path, { file: "644 evil" }) })
    ],
    [
      "a PAX size over a size of 0 keeps a member in the data",
      ({ path }) => [[pax(["size", "1024"]), Tar.header({ name: "a", size: 0 }), hidden(path)]],
      ({ path }) => ({ a: `644 ${hidden(path).toString("latin1")}` })
    ],
    [
      "a global header that renames everything",
      ({ path }) => [[Tar.pax([["path", `${path}/file`]], "g"), file("a")]],
      { a: "644 evil" }
    ],
    [
      "a sparse file's name",
      ({ path }) => [
        [
          pax(["GNU.sparse.name", `${path}/file`], ["GNU.sparse.size", "4"], ["GNU.sparse.map", "0,4"]),
          file("GNUSparseFile.0/harmless")
        ]
      ],
      ({ path }) => inside(path, { file: "644 evil" })
    ],
    [
      "a terabyte of holes",
      [
        [
          Tar.member(
            { name: "s", type: "S", magic: Tar.GNU, tail: Tar.oldGnuTail([0, 4], Tar.base256(2 ** 40, 12)) },
            "evil"
          )
        ]
      ],
      { s: "644 1099511627776 bytes" }
    ]
  ])
  refuses([
    [
      "a PAX path against a GNU long name",
      [[Tar.longName("a"), pax(["path", "b"]), file("x")]],
      /GNU long name/
    ],
    [
      "a PAX link target against a GNU long one",
      [[Tar.longName("a", "K"), pax(["linkpath", "b"]), symlink("x", "c")]],
      /GNU long link name/
    ],
    [
      "a PAX size that reads a member's header as data",
      [[pax(["size", "513"]), file("a"), file("b")]],
      /checksum/
    ],
    ["a PAX size longer than the archive", [[pax(["size", "999999"]), file("a")]], /cut off/],
    ["a negative PAX size", [[pax(["size", "-1"]), file("a")]], /size/],
    ["a negative size", [[Tar.member({ name: "a", size: Tar.base256(-1, 12) })]], /size/],
    ["a size beyond all numbers", [[Tar.member({ name: "a", size: Tar.base256(2n ** 63n, 12) })]], /size/],
    ["a size of 8 EiB", [[Tar.member({ name: "a", size: Tar.base256(2n ** 52n, 12) })]], /cut off/],
    [
      "sparse runs that overlap",
      [[named({ name: "s", type: "S", tail: Tar.oldGnuTail([0, 4, 2, 4], 100) }, "evilevil")]],
      /begins before/
    ],
    [
      "sparse runs behind the end",
      [[named({ name: "s", type: "S", tail: Tar.oldGnuTail([100, 4], 50) }, "evil")]],
      /after the file's end/
    ],
    [
      "a negative sparse run",
      [
        [named({ name: "s", type: "S", tail: Tar.oldGnuTail([Tar.base256(-4, 12) as never, 4], 50) }, "evil")]
      ],
      /sparse/
    ],
    ["a wrong checksum", [[file("a"), Tar.member({ name: "b", checksum: "1" })]], /checksum/],
    ["no archive at all", [[Buffer.from("#!/bin/sh\n".repeat(100))]], /checksum/],
    ["an archive that is cut off", [[file("a"), Tar.header({ name: "b", size: 5000 })]], /cut off/]
  ])
})

describe("references that lead outside", () => {
  for (const ref of [
    "..",
    "../../..",
    "../../../../canary/file",
    "/etc/passwd",
    ".",
    "a/../../../b",
    "rootfs",
    "a\nb"
  ]) {
    it(JSON.stringify(ref), () =>
      withPlace(async ({ extract, image }) => {
        image([Tar.archive(file("a"))], ref)
        assert.deepEqual(pictureOf(Either.getOrThrow(await extract())), { a: "644 evil" })
      })
    )
  }
})

it("a failed extraction leaves nothing, and the next one succeeds", () =>
  withPlace(async ({ extract, image }) => {
    image([Tar.archive(file("a")), Tar.archive(file("b"), link("c", "nothing"))])
    assert.isTrue(Either.isLeft(await extract()))
    image([Tar.archive(file("a")), Tar.archive(file("b"))])
    assert.deepEqual(pictureOf(Either.getOrThrow(await extract())), { a: "644 evil", b: "644 evil" })
  }))

describe("the canary itself", () => {
  const changes: ReadonlyArray<readonly [string, (path: string) => void, RegExp]> = [
    [
      "new content",
      (path) => execFileSync("sh", ["-c", 'printf dead > "$0/file"', path]),
      /canary\/file: was/
    ],
    ["another mode", (path) => execFileSync("chmod", ["777", `${path}/secret`]), /canary\/secret: was/],
    [
      "the same mode again",
      (path) => execFileSync("chmod", ["750", `${path}/dir`]),
      /canary\/dir: was .* changed/
    ],
    [
      "a new name",
      (path) => execFileSync("ln", [`${path}/file`, `${path}/empty/x`]),
      /empty\/x: was not there/
    ],
    ["a name less", (path) => execFileSync("rm", [`${path}/link`]), /canary\/link: .* is gone/],
    [
      "another time",
      (path) => execFileSync("touch", ["-m", "-d", "@5", `${path}/setuid`]),
      /canary\/setuid: was/
    ],
    ["something beside it", (path) => execFileSync("touch", [`${path}/../new`]), /names in .*: was .* new/]
  ]
  for (const [what, change, why] of changes) {
    it(`notices ${what}`, () =>
      withPlace(async ({ canary }) => {
        change(canary.path)
        assert.match(canary.changes().join("\n"), why)
      }))
  }
})
