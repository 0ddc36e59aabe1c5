/** The rules of docs/layers.md by number: an image, and what must come of it. */
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import { LayerEntry, type Metadata } from "../../../src/domain/archive/LayerEntry.ts"
import * as LayerMerge from "../../../src/domain/layer/LayerMerge.ts"
import * as LayerNotice from "../../../src/domain/layer/LayerNotice.ts"
import * as RootPlan from "../../../src/domain/root/RootPlan.ts"
import type { RootStep } from "../../../src/domain/root/RootStep.ts"
import { type ByteString, fromText } from "../../../src/domain/text/ByteString.ts"

// ── Images, briefly ──────────────────────────────────────────────────────────────────────────────────────────────

type Attributes = {
  readonly mode?: number
  readonly uid?: number
  readonly time?: number
  readonly xattrs?: Record<string, string>
}

const metadata = ({ mode = 0o644, uid = 0, time = 0, xattrs = {} }: Attributes): Metadata => ({
  mode,
  uid,
  gid: uid,
  mtime: { seconds: time, nanoseconds: 0 },
  xattrs: new Map(
    Object.entries(xattrs).map(([name, value]) => [fromText(name), new TextEncoder().encode(value)])
  )
})

let files = 0
/** `content` is what is shown of a file; each has data of its own. */
const file = (path: string, content = 0, attributes: Attributes = {}) =>
  LayerEntry.File({
    path: fromText(path),
    metadata: metadata(attributes),
    size: 1,
    content: { layer: content, offset: files++ }
  })
const dir = (path: string, attributes: Attributes = {}) =>
  LayerEntry.Directory({ path: fromText(path), metadata: metadata({ mode: 0o755, ...attributes }) })
const symlink = (path: string, target: string, attributes: Attributes = {}) =>
  LayerEntry.Symlink({
    path: fromText(path),
    metadata: metadata({ mode: 0o777, ...attributes }),
    target: fromText(target)
  })
const link = (path: string, target: string) =>
  LayerEntry.Hardlink({ path: fromText(path), target: fromText(target) })
const fifo = (path: string, attributes: Attributes = {}) =>
  LayerEntry.Fifo({ path: fromText(path), metadata: metadata(attributes) })
const character = (path: string, major: number, minor: number) =>
  LayerEntry.CharacterDevice({ path: fromText(path), metadata: metadata({}), major, minor })
const block = (path: string, major: number, minor: number) =>
  LayerEntry.BlockDevice({ path: fromText(path), metadata: metadata({}), major, minor })

type Layers = ReadonlyArray<ReadonlyArray<LayerEntry>>

const merge = (layers: Layers) => LayerMerge.merge(layers.map((entries) => ({ entries })))

// ── Roots, briefly: "755", "644 1000:1000 @5", "file 3", "-> target", "= other name", "fifo", "character 1:3" ─────

const attributesOf = ({ mode, uid, gid, mtime, xattrs }: Metadata) =>
  [
    mode.toString(8),
    ...(uid + gid === 0 ? [] : [`${uid}:${gid}`]),
    ...(mtime.seconds === 0 ? [] : [`@${mtime.seconds}`]),
    ...[...xattrs].map(([name, value]) => `${name}=${new TextDecoder().decode(value)}`)
  ].join(" ")

const line = (step: RootStep): string | undefined => {
  switch (step._tag) {
    case "MakeDirectory":
      return undefined
    case "MakeFile":
      return `file ${step.content.layer}`
    case "MakeNode":
      return step.kind === "fifo" ? "fifo" : `${step.kind} ${step.major}:${step.minor}`
    case "MakeSymlink":
      return `-> ${step.target}`
    case "MakeLink":
      return ""
    case "SetDirectory":
      return attributesOf(step.metadata)
  }
}

/** The root of the layers, without its own line where that is the usual one. Of an inode's names the first is described. */
const rootOf = (layers: Layers): Record<string, string> => {
  const lines: Record<string, string> = {}
  const names = new Map<string, Array<string>>()
  for (const step of RootPlan.of(Either.getOrThrow(merge(layers)).tree)) {
    const said = line(step)
    if (said === undefined || (step.path === "" && said === "755")) continue
    lines[step.path === "" ? "/" : step.path] = said
    const inode = step._tag === "MakeLink" ? step.existing : step.path
    const same = names.get(inode)
    if (same === undefined) names.set(inode, [step.path])
    else same.push(step.path)
  }
  for (const same of names.values()) {
    if (same.length < 2) continue
    const said = lines[same[0] ?? ""] ?? ""
    const [first = "", ...others] = same.sort()
    lines[first] = said
    for (const other of others) lines[other] = `= ${first}`
  }
  return lines
}

const messageOf = (layers: Layers): string =>
  Either.match(merge(layers), { onLeft: ({ message }) => message, onRight: () => "no error" })

const noticesOf = (layers: Layers): ReadonlyArray<string> =>
  Either.getOrThrow(merge(layers)).notices.map(LayerNotice.render)

type Case = readonly [name: string, layers: Layers, root: Record<string, string>]
type Refusal = readonly [name: string, layers: Layers, message: string]

const gives = (cases: ReadonlyArray<Case>) => {
  for (const [name, layers, root] of cases) it(name, () => assert.deepStrictEqual(rootOf(layers), root))
}
const refuses = (cases: ReadonlyArray<Refusal>) => {
  for (const [name, layers, message] of cases) it(name, () => assert.strictEqual(messageOf(layers), message))
}

// ── The rules ────────────────────────────────────────────────────────────────────────────────────────────────────

describe("whiteouts", () => {
  gives([
    [
      "1: of nothing changes nothing and makes no parent",
      [[file("a", 1)], [file("x/y/.wh.z"), file(".wh.b")]],
      { a: "file 1" }
    ],
    ["1: alone in the lowest layer", [[file(".wh.a"), file("b/.wh..wh..opq")]], {}],
    [
      "1: of a directory that is opaque as well leaves nothing",
      [
        [file("c/a", 1), file("d/e/f", 2)],
        [
          file("c/.wh..wh..opq"),
          file(".wh.c"),
          file("d/.wh.e"),
          file("d/.wh..wh..opq"),
          file("d/e/.wh..wh..opq")
        ]
      ],
      { d: "755" }
    ],
    [
      "2: before what the layer brings anew at its path",
      [
        [dir("a", { time: 1 }), file("a/old", 1)],
        [file(".wh.a"), dir("a", { time: 7 }), file("a/new", 2)]
      ],
      { a: "755 @7", "a/new": "file 2" }
    ],
    [
      "2: after what the layer brings anew at its path",
      [
        [dir("a", { time: 1 }), file("a/old", 1)],
        [dir("a", { time: 7 }), file("a/new", 2), file(".wh.a")]
      ],
      { a: "755 @7", "a/new": "file 2" }
    ],
    [
      "2: of a directory that comes back as a symlink and as a file",
      [
        [file("a/old", 1), file("b/old", 1)],
        [symlink("a", "c"), file(".wh.a"), file(".wh.b"), file("b", 2)]
      ],
      { a: "-> c", b: "file 2" }
    ],
    [
      "2: of a file that comes back as a directory, and a whiteout in that",
      [[file("a", 1)], [file(".wh.a"), dir("a", { time: 3 }), file("a/b", 2), file("a/.wh.b")]],
      { a: "755 @3", "a/b": "file 2" }
    ],
    [
      "2: twice over, layer upon layer",
      [[file("a/x", 1)], [file("a/y", 2), file(".wh.a")], [file(".wh.a"), file("a/z", 3)]],
      { a: "755", "a/z": "file 3" }
    ],
    [
      "3: opaque first",
      [
        [dir("a", { uid: 5 }), file("a/old", 1), file("a/b/old", 1)],
        [file("a/.wh..wh..opq"), file("a/new", 2)]
      ],
      { a: "755 5:5", "a/new": "file 2" }
    ],
    [
      "3: opaque last, with implied parents",
      [
        [dir("a", { uid: 5 }), file("a/old", 1)],
        [file("a/b/new", 2), file("a/.wh..wh..opq")]
      ],
      { a: "755 5:5", "a/b": "755", "a/b/new": "file 2" }
    ],
    [
      "3: opaque in the middle, of the same name",
      [[file("a/b", 1)], [dir("a"), file("a/b", 2), file("a/.wh..wh..opq"), file("a/c", 3)]],
      { a: "755", "a/b": "file 2", "a/c": "file 3" }
    ],
    [
      "3: opaque at the root",
      [
        [dir("./", { uid: 3 }), file("a/b", 1), file("c", 2)],
        [file("d", 3), file(".wh..wh..opq")]
      ],
      {
        "/": "755 3:3",
        d: "file 3"
      }
    ],
    [
      "3: opaque in a missing directory, under a file, and where lower is a file",
      [
        [file("a", 1), file("b", 1)],
        [file("x/.wh..wh..opq"), file("a/.wh..wh..opq"), dir("b"), file("b/.wh..wh..opq"), file("b/c", 2)]
      ],
      { a: "file 1", b: "755", "b/c": "file 2" }
    ],
    [
      "3: opaque on a directory that replaces a symlink does not reach the link's target",
      [
        [symlink("a", "b"), file("b/kept", 1)],
        [dir("a"), file("a/.wh..wh..opq"), file("a/new", 2)]
      ],
      { a: "755", "a/new": "file 2", b: "755", "b/kept": "file 1" }
    ],
    [
      "3: opaque twice, and with a whiteout beside it",
      [
        [file("a/b", 1), file("a/c", 1)],
        [file("a/.wh..wh..opq"), file("a/.wh.b"), file("a/.wh..wh..opq"), file("a/d", 2)]
      ],
      { a: "755", "a/d": "file 2" }
    ],
    [
      "3: opaque hides no deeper than what was below: a later layer adds again",
      [[file("a/b/c", 1)], [file("a/.wh..wh..opq")], [file("a/b/d", 2)]],
      { a: "755", "a/b": "755", "a/b/d": "file 2" }
    ],
    [
      "3: opaque where the same layer puts a file: the file is what there is",
      [[file("a/b", 1)], [file("a/.wh..wh..opq"), file("a", 2)]],
      { a: "file 2" }
    ],
    [
      "4: below a symlinked parent",
      [[file("usr/lib/x", 1), file("usr/lib/y", 2), symlink("lib", "/../usr/lib")], [file("lib/.wh.x")]],
      { usr: "755", "usr/lib": "755", "usr/lib/y": "file 2", lib: "-> /../usr/lib" }
    ],
    [
      "4: opaque below a symlinked parent",
      [[file("d/x", 1), symlink("l", "d")], [file("l/.wh..wh..opq")]],
      { d: "755", l: "-> d" }
    ],
    [
      "4: of a symlink removes the link alone",
      [[file("d/x", 1), symlink("l", "d")], [file(".wh.l")]],
      { d: "755", "d/x": "file 1" }
    ],
    [
      "4: of one name of a hardlinked file",
      [[file("a", 1), link("b", "a"), link("c", "a")], [file(".wh.a")]],
      { b: "file 1", c: "= b" }
    ],
    [
      "4: of a symlink and of what is behind it, in any order",
      [
        [file("d/x", 1), symlink("l", "d")],
        [file("l/.wh.x"), file(".wh.l")]
      ],
      { d: "755", "d/x": "file 1" }
    ],
    [
      "4: below a chain of symlinked parents, one of them dangling",
      [
        [file("d/e/x", 1), symlink("l", "d"), symlink("m", "/l/e"), symlink("n", "nowhere")],
        [file("m/.wh.x"), file("n/.wh.x")]
      ],
      { d: "755", "d/e": "755", l: "-> d", m: "-> /l/e", n: "-> nowhere" }
    ],
    [
      "4: below symlinks that go round in a circle",
      [
        [symlink("a", "b"), symlink("b", "a"), file("c", 1)],
        [file("a/.wh.x"), file("b/.wh..wh..opq")]
      ],
      { a: "-> b", b: "-> a", c: "file 1" }
    ],
    [
      "4: of the first name of a hardlinked symlink",
      [[symlink("a", "x"), link("b", "a"), link("c", "b")], [file(".wh.a")]],
      { b: "-> x", c: "= b" }
    ],
    [
      "5: AUFS metadata is hidden, and hardlinks get its data",
      [
        [
          dir(".wh..wh.plnk"),
          file(".wh..wh.plnk/12.34", 1),
          link("a", ".wh..wh.plnk/12.34"),
          file(".wh..wh.aufs")
        ]
      ],
      { a: "file 1" }
    ],
    [
      "5: AUFS metadata that comes after the hardlinks to it",
      [[link("a", ".wh..wh.plnk/1"), link("b", "/.wh..wh.plnk/1"), file(".wh..wh.plnk/1", 1)]],
      { a: "file 1", b: "= a" }
    ],
    [
      "6: a directory, a symlink, a hardlink, a fifo as whiteouts",
      [
        [file("a", 1), file("b", 2), file("c", 3), file("d", 4)],
        [dir(".wh.a"), symlink(".wh.b", "x"), link(".wh.c", ".wh..wh.aufs"), fifo(".wh.d")]
      ],
      {}
    ],
    [
      "6: a directory and a symlink as opaque markers",
      [
        [file("a/x", 1), file("b/x", 1)],
        [dir("a/.wh..wh..opq"), symlink("b/.wh..wh..opq", "x")]
      ],
      { a: "755", b: "755" }
    ],
    ["7: beside a file of its name", [[file(".wh.a"), file("a", 1)]], { a: "file 1" }],
    ["7: after a file of its name", [[file("a", 1)], [file("a", 2), file(".wh.a")]], { a: "file 2" }],
    [
      "8: before a hardlink to what it hides",
      [[file("a", 1)], [file(".wh.a"), link("b", "a")]],
      { b: "file 1" }
    ],
    [
      "8: after a hardlink to what it hides",
      [[file("a", 1)], [link("b", "a"), file(".wh.a")]],
      { b: "file 1" }
    ],
    [
      "8: of the directory that has the hardlink's target",
      [[file("d/a", 1)], [link("b", "d/a"), file(".wh.d")]],
      { b: "file 1" }
    ],
    [
      "8: opaque over the hardlink's target",
      [[file("a", 1)], [file(".wh..wh..opq"), link("b", "a")]],
      { b: "file 1" }
    ],
    [
      "8: the lower file comes before a later entry of its name",
      [[file("a", 1)], [file(".wh.a"), link("b", "a"), file("a", 2)]],
      { a: "file 2", b: "file 1" }
    ],
    [
      "8: what the layer itself brought before is the target",
      [[file("a", 1)], [file(".wh.a"), file("a", 2), link("b", "a")]],
      { a: "file 2", b: "= a" }
    ],
    [
      "8: opaque over a directory, after a hardlink through a symlink to what it hides",
      [
        [file("d/a", 1), symlink("l", "d")],
        [link("b", "l/a"), file("d/.wh..wh..opq")]
      ],
      { b: "file 1", d: "755", l: "-> d" }
    ],
    [
      "8: a hardlink over the very name that is whited out",
      [
        [file("a", 1), file("b", 2)],
        [file(".wh.b"), link("b", "a")]
      ],
      { a: "file 1", b: "= a" }
    ],
    [
      "9: an implied parent brought anew",
      [[dir("a", { mode: 0o700, uid: 9, time: 9 })], [file("a/b", 1), file(".wh.a")]],
      {
        a: "755",
        "a/b": "file 1"
      }
    ],
    [
      "9: a whited-out symlink brought anew as a parent",
      [
        [symlink("a", "d"), dir("d")],
        [file(".wh.a"), file("a/b", 1)]
      ],
      { a: "755", "a/b": "file 1", d: "755" }
    ],
    [
      "9: implied parents brought anew, several deep, hide nothing that their layer brings",
      [
        [dir("a", { uid: 9 }), dir("a/b", { uid: 9 }), file("a/b/old", 1)],
        [file("a/b/new", 2), file("a/.wh.b")]
      ],
      { a: "755 9:9", "a/b": "755", "a/b/new": "file 2" }
    ],
    ["10: a character device 0:0 stays", [[character("a", 0, 0)]], { a: "character 0:0" }],
    [
      "10: overlay xattrs and SELinux labels are left out",
      [
        [
          dir("a", {
            xattrs: {
              "trusted.overlay.opaque": "y",
              "user.overlay.x": "y",
              "user.k": "v",
              "security.selinux": "s"
            }
          })
        ]
      ],
      { a: "755 user.k=v" }
    ],
    [
      "23: attributes of namespaces that Linux does not have are left out",
      [
        [
          dir("a", {
            xattrs: {
              "com.apple.provenance": "x",
              "system.nfs4_acl": "x",
              "user.": "x",
              LIBARCHIVE: "x",
              "trusted.k": "v"
            }
          })
        ]
      ],
      { a: "755 trusted.k=v" }
    ]
  ])

  refuses([
    [
      "5: .wh. alone",
      [[file("a/.wh.")]],
      'layer 0: entry "a/.wh.": the name "a/.wh." is a whiteout of nothing'
    ],
    ["5: .wh..", [[], [file(".wh..")]], 'layer 1: entry ".wh..": the name ".wh.." is a whiteout of nothing'],
    ["5: .wh...", [[file(".wh...")]], 'layer 0: entry ".wh...": the name ".wh..." is a whiteout of nothing'],
    [
      "5: a whiteout as a parent",
      [[file(".wh.a/b")]],
      'layer 0: entry ".wh.a/b": the name ".wh.a/b" is below a whiteout'
    ],
    [
      "5: an opaque marker as a parent",
      [[file(".wh..wh..opq/b")]],
      'layer 0: entry ".wh..wh..opq/b": the name ".wh..wh..opq/b" is below a whiteout'
    ]
  ])

  it("10: says so of devices 0:0 and of attributes left out", () => {
    const xattrs = { "user.overlay.x": "y", "user.k": "v", "security.selinux": "s" }
    assert.deepStrictEqual(
      noticesOf([
        [character("a", 0, 0), character("b", 1, 3), fifo("c", { xattrs }), file("d", 0, { xattrs })]
      ]),
      [
        'layer 0: 1 entry is a character device 0:0, kept as it is, first "a"',
        'layer 0: extended attribute "user.overlay.x" of "c" left out (and 1 more): the overlay mount on top of the root would interpret it',
        'layer 0: extended attribute "user.k" of "c" left out: Linux has user attributes on files and directories only',
        'layer 0: extended attribute "security.selinux" of "c" left out (and 1 more): labels are the host\'s policy'
      ]
    )
  })
})

describe("types, parents, metadata", () => {
  gives([
    [
      "11: files beside one another, while their directory is replaced, removed below them, and spelt in other ways",
      [
        [dir("other"), file("other/below", 1)],
        [
          file("a/b/x", 1),
          file("a/b/y", 2),
          symlink("a/b", "../other"),
          file("a/b/z", 3),
          file("a/b/../w", 4),
          file("a//b/v", 5),
          file("a/./b/.", 6),
          file("a/c/u", 7),
          file("a/c/", 8),
          file("a/c/t", 9),
          file("top", 10),
          file("a/c/t/s", 11)
        ]
      ],
      {
        a: "755",
        "a/b": "file 6",
        "a/c": "755",
        "a/c/t": "755",
        "a/c/t/s": "file 11",
        "a/w": "file 4",
        other: "755",
        "other/below": "file 1",
        "other/v": "file 5",
        "other/z": "file 3",
        top: "file 10"
      }
    ],
    [
      "11: file, directory and symlink replace one another",
      [
        [file("a", 1), file("b/x", 1), symlink("c", "b"), fifo("d")],
        [file("a/in", 2), symlink("b", "c"), file("c", 3), block("d", 8, 1)]
      ],
      { a: "755", "a/in": "file 2", b: "-> c", c: "file 3", d: "block 8:1" }
    ],
    [
      "11: a directory over a directory replaces its attributes and keeps its children",
      [
        [dir("a", { mode: 0o700, xattrs: { "user.k": "v" } }), file("a/b", 1)],
        [dir("a/", { mode: 0o711, time: 4 })]
      ],
      { a: "711 @4", "a/b": "file 1" }
    ],
    [
      "11: a directory over a symlink to a directory",
      [
        [dir("d"), file("d/x", 1), symlink("l", "d")],
        [dir("l"), file("l/y", 2)]
      ],
      { d: "755", "d/x": "file 1", l: "755", "l/y": "file 2" }
    ],
    [
      "11: each of file, directory and symlink in place of each",
      [
        [
          file("fd", 1),
          file("fs", 1),
          file("df/x", 1),
          file("ds/x", 1),
          symlink("sf", "df"),
          symlink("sd", "ds")
        ],
        [dir("fd"), symlink("fs", "x"), file("df", 2), symlink("ds", "y"), file("sf", 3), dir("sd")]
      ],
      { df: "file 2", ds: "-> y", fd: "755", fs: "-> x", sd: "755", sf: "file 3" }
    ],
    [
      "11: a directory over a directory replaces its attributes, xattrs included, in the same layer as well",
      [[dir("a", { xattrs: { "user.k": "v" } }), dir("a", { xattrs: { "user.l": "w" } })]],
      { a: "755 user.l=w" }
    ],
    [
      "12: a child below an absolute symlink of a lower layer, and below a relative one of the same",
      [
        [dir("usr/lib"), symlink("lib", "/usr/lib")],
        [file("lib/x", 1), symlink("lib64", "lib"), file("lib64/y", 2)]
      ],
      {
        lib: "-> /usr/lib",
        lib64: "-> lib",
        usr: "755",
        "usr/lib": "755",
        "usr/lib/x": "file 1",
        "usr/lib/y": "file 2"
      }
    ],
    [
      "12: a directory's entry below a symlinked parent describes what the link leads to",
      [[dir("d/e", { mode: 0o700 }), symlink("l", "d")], [dir("l/e", { mode: 0o711, time: 4 })]],
      { d: "755", "d/e": "711 @4", l: "-> d" }
    ],
    [
      "12: a symlink to a file, as a parent: the file is replaced by a directory, the link stays",
      [[file("f", 1), symlink("l", "f")], [file("l/x", 2)]],
      { f: "755", "f/x": "file 2", l: "-> f" }
    ],
    [
      "12: a child below a relative symlink of a lower layer",
      [[dir("usr/lib", { time: 3 }), symlink("lib", "usr/lib")], [file("lib/x", 1)]],
      { usr: "755", "usr/lib": "755 @3", "usr/lib/x": "file 1", lib: "-> usr/lib" }
    ],
    [
      "12: a child below an absolute symlink of the same layer",
      [[dir("usr/lib"), symlink("lib", "/usr/lib"), file("lib/x", 1)]],
      { usr: "755", "usr/lib": "755", "usr/lib/x": "file 1", lib: "-> /usr/lib" }
    ],
    [
      "12: targets are clamped to the root",
      [[symlink("a/l", "../../../../etc"), symlink("m", "/../.."), file("a/l/x", 1), file("m/y", 2)]],
      { a: "755", "a/l": "-> ../../../../etc", etc: "755", "etc/x": "file 1", m: "-> /../..", y: "file 2" }
    ],
    [
      "12: an absolute target starts at the root, however deep its symlink is",
      [[symlink("d/e/l", "/../x"), file("d/e/l/f", 1)]],
      { d: "755", "d/e": "755", "d/e/l": "-> /../x", x: "755", "x/f": "file 1" }
    ],
    [
      "12: .. in a target is taken where the links before it lead",
      [[dir("d/e"), symlink("l", "d/e"), symlink("m", "l/.."), file("m/x", 1)]],
      { d: "755", "d/e": "755", "d/x": "file 1", l: "-> d/e", m: "-> l/.." }
    ],
    [
      "12: a dangling parent's target is made",
      [[symlink("l", "/run/x/../y"), file("l/f", 1)]],
      { l: "-> /run/x/../y", run: "755", "run/x": "755", "run/y": "755", "run/y/f": "file 1" }
    ],
    [
      "12: a file as a parent, of a lower layer and of the same one",
      [[file("a", 1)], [file("a/b", 2), fifo("c"), file("c/d", 3)]],
      { a: "755", "a/b": "file 2", c: "755", "c/d": "file 3" }
    ],
    [
      "12: 40 links are followed",
      [[...chain(40), file("l0/x", 1)]],
      { ...chainRoot(40), end: "755", "end/x": "file 1" }
    ],
    [
      "13: missing parents, and names cleaned as paths from the root",
      [[file("../a/./b//../c/f", 1), dir("/a/c/d/")]],
      { a: "755", "a/c": "755", "a/c/d": "755", "a/c/f": "file 1" }
    ],
    [
      "13: ./ speaks of the root",
      [[dir("./", { mode: 0o1777, uid: 7, time: 9 })], [file("a", 1)]],
      { "/": "1777 7:7 @9", a: "file 1" }
    ],
    [
      "13: ./ of an upper layer replaces what a lower one said, and nothing else does",
      [[dir("./", { mode: 0o700, uid: 3 })], [dir("/", { time: 4 })], [file("a", 1)]],
      { "/": "755 @4", a: "file 1" }
    ],
    [
      "13: a missing parent that a later layer describes",
      [[file("a/b/c", 1)], [dir("a/b", { mode: 0o700, uid: 5, time: 6 })]],
      { a: "755", "a/b": "700 5:5 @6", "a/b/c": "file 1" }
    ],
    [
      "14: a directory's entry may come after its children",
      [[file("a/b/c", 1), dir("a", { mode: 0o555, time: 5 }), dir("a/b", { time: 6 })]],
      { a: "555 @5", "a/b": "755 @6", "a/b/c": "file 1" }
    ],
    [
      "14: a child in an upper layer does not change a lower directory",
      [[dir("a", { time: 5, uid: 2 })], [file("a/b", 1)]],
      { a: "755 2:2 @5", "a/b": "file 1" }
    ],
    [
      "15: the last of duplicate entries wins",
      [
        [
          file("a", 1),
          file("./a", 2),
          symlink("b", "x"),
          symlink("b", "y"),
          dir("c", { time: 1 }),
          dir("c", { time: 2 })
        ]
      ],
      { a: "file 2", b: "-> y", c: "755 @2" }
    ],
    [
      "15: overwriting drops old xattrs, in the same layer and in a later one",
      [
        [dir("a", { xattrs: { "user.k": "v" } }), dir("b", { xattrs: { "user.k": "v" } }), dir("b")],
        [dir("a")]
      ],
      { a: "755", b: "755" }
    ],
    [
      "15: the last of many wins, whatever they are",
      [[file("a", 1), file("a", 2), file("b", 3), symlink("b", "a"), file("b", 4)]],
      { a: "file 2", b: "file 4" }
    ],
    [
      "15: overwriting breaks a hardlink for that name only",
      [[file("a", 1), link("b", "a"), link("c", "a")], [file("b", 2)]],
      { a: "file 1", b: "file 2", c: "= a" }
    ]
  ])

  refuses([
    [
      "12: a loop as a parent",
      [[symlink("a", "b"), symlink("b", "a"), file("a/x")]],
      'layer 0: entry "a/x": its parent leads through too many symlinks'
    ],
    [
      "12: 41 links are too many",
      [[...chain(41), file("l0/x", 1)]],
      'layer 0: entry "l0/x": its parent leads through too many symlinks'
    ],
    [
      "12: a dangling parent's target that no file system has",
      [[symlink("l", "n".repeat(256)), file("l/x")]],
      'layer 0: entry "l/x": its parent leads through a symlink to a name that is too long'
    ],
    [
      "12: a path that links make too long",
      [[symlink("l", "d/".repeat(2000)), symlink("m", `l/${"e/".repeat(2000)}`), file("m/x")]],
      'layer 0: entry "m/x": its parent leads through a symlink to a path that is too long'
    ],
    [
      "13: ./ as anything but a directory",
      [[file("./")]],
      'layer 0: entry "./": the root can only be a directory'
    ],
    [
      "a symlink to nothing",
      [[symlink("a", "")]],
      `layer 0: entry "a": the symlink's target "" is empty, too long, or has a NUL byte`
    ]
  ])

  it("15: says so of duplicates, under whatever names, but not of parents described late", () => {
    assert.deepStrictEqual(
      noticesOf([
        [
          file("a"),
          file("./a"),
          dir("d"),
          symlink("l", "d"),
          file("l/x"),
          file("d/x"),
          file("p/q"),
          dir("p"),
          dir("p")
        ],
        [file("a"), file(".wh.d"), dir("d"), file("e"), file("e/f")]
      ]),
      [
        'layer 0: 3 entries are replaced by a later one, first "./a"',
        'layer 1: 1 entry is replaced by a later one, first "e/f"'
      ]
    )
  })

  it("16: attributes of users on what cannot have them are left out, and said, on symlinks too", () => {
    const xattrs = { "user.k": "v", "trusted.k": "v" }
    const layer = [symlink("a", "x", { xattrs }), dir("b", { xattrs })]
    assert.deepStrictEqual(noticesOf([layer]), [
      'layer 0: extended attribute "user.k" of "a" left out: Linux has user attributes on files and directories only'
    ])
    assert.deepStrictEqual(rootOf([layer]), { a: "-> x", b: "755 user.k=v trusted.k=v" })
  })

  it("16: setuid bits and file capabilities reach the plan as they are", () => {
    const tree = Either.getOrThrow(
      merge([[fifo("a", { mode: 0o4755, uid: 3, xattrs: { "security.capability": "c" } })]])
    ).tree
    const step = [...RootPlan.of(tree)].find(({ path }) => path === "a")
    assert.strictEqual(
      step?._tag === "MakeNode" && attributesOf(step.metadata),
      "4755 3:3 security.capability=c"
    )
  })
})

describe("hardlinks", () => {
  gives([
    ["17: to a lower layer's file", [[file("a", 1)], [link("b", "a")]], { a: "file 1", b: "= a" }],
    ["17: to a symlink link the link", [[symlink("a", "x"), link("b", "a")]], { a: "-> x", b: "= a" }],
    [
      "17: absolute and with ..",
      [[file("d/a", 1), link("b", "/d/a"), link("c", "../d/./x/../a")]],
      { d: "755", "d/a": "= b", b: "file 1", c: "= b" }
    ],
    [
      "17: through a symlinked directory",
      [[dir("d"), symlink("l", "/d"), file("l/a", 1)], [link("l/b", "l/a")]],
      { d: "755", "d/a": "file 1", "d/b": "= d/a", l: "-> /d" }
    ],
    [
      "17: to a fifo and to a device",
      [[fifo("a"), link("b", "a"), character("c", 1, 3), link("d", "c")]],
      {
        a: "fifo",
        b: "= a",
        c: "character 1:3",
        d: "= c"
      }
    ],
    [
      "17: to a lower layer's symlink and fifo",
      [
        [symlink("a", "x"), fifo("c")],
        [link("b", "a"), link("d", "c")]
      ],
      { a: "-> x", b: "= a", c: "fifo", d: "= c" }
    ],
    [
      "17: with .. after a symlink, taken as a name and not where the link leads",
      [[file("d/e/f", 1), symlink("l", "d/e"), file("f", 2), link("x", "l/../f")]],
      { d: "755", "d/e": "755", "d/e/f": "file 1", f: "file 2", l: "-> d/e", x: "= f" }
    ],
    [
      "17: of a hardlink of a lower layer, all of them one file",
      [[file("a", 1), link("b", "a")], [link("c", "b")], [link("d", "/c"), file(".wh.b")]],
      { a: "file 1", c: "= a", d: "= a" }
    ],
    [
      "17: in place of a directory, and of another link's name",
      [[file("a", 1), file("d/x", 2), link("d", "a"), file("e", 3), link("d", "e")]],
      { a: "file 1", d: "file 3", e: "= d" }
    ],
    ["17: to a later entry", [[link("a", "b"), file("b", 1)]], { a: "file 1", b: "= a" }],
    [
      "17: to a later entry, in a chain",
      [[link("a", "b"), link("b", "c"), link("c", "d"), file("d", 1)]],
      { a: "file 1", b: "= a", c: "= a", d: "= a" }
    ],
    [
      "17: to a later entry through a later hardlink to a symlink",
      [[link("a", "l/x"), link("l", "m"), symlink("m", "d"), file("d/x", 1)]],
      { a: "file 1", d: "755", "d/x": "= a", l: "-> d", m: "= l" }
    ],
    [
      "17: a later entry replaces a link that waits",
      [[link("a", "b"), file("a", 2), file("b", 1)]],
      { a: "file 2", b: "file 1" }
    ],
    [
      "17: to what has the last word in its layer, if it comes later",
      [[link("a", "b"), file("b", 1), file("b", 2)]],
      { a: "file 2", b: "= a" }
    ],
    [
      "17: keep the file as of their layer",
      [[file("a", 1)], [link("b", "a")], [file("a", 3)]],
      { a: "file 3", b: "file 1" }
    ],
    ["17: outlive their target", [[file("a", 1)], [link("b", "a")], [file(".wh.a")]], { b: "file 1" }]
  ])

  refuses([
    [
      "17: to nothing",
      [[link("a", "b")]],
      `layer 0: entry "a": the hardlink's target "b" is neither in the layer nor below it`
    ],
    [
      "17: to a directory",
      [[dir("b"), link("a", "b")]],
      `layer 0: entry "a": the hardlink's target "b" is a directory`
    ],
    ["17: to the root", [[link("a", "..")]], `layer 0: entry "a": the hardlink's target ".." is a directory`],
    [
      "17: to itself",
      [[file("a")], [link("a", "./a")]],
      `layer 1: entry "a": the hardlink's target "./a" is the link itself`
    ],
    [
      "17: to itself through a symlink",
      [[file("d/a"), symlink("l", "d"), link("l/a", "d/a")]],
      `layer 0: entry "l/a": the hardlink's target "d/a" is the link itself`
    ],
    [
      "17: to one another",
      [[link("a", "b"), link("b", "a")]],
      `layer 0: entry "b": the hardlink's target "a" is neither in the layer nor below it`
    ],
    [
      "17: to what the layer replaced without a whiteout",
      [[file("d/a", 1)], [file("d", 2), link("b", "d/a")]],
      `layer 1: entry "b": the hardlink's target "d/a" is neither in the layer nor below it`
    ],
    [
      "17: to an invalid name",
      [[link("a", "n".repeat(256))]],
      `layer 0: entry "a": the name "${"n".repeat(256)}" has a component of 256 bytes (the limit is 255)`
    ]
  ])

  it("17: a chain as long as a layer is settled without recursion", () => {
    const length = 50_000
    const links = Array.from({ length }, (_, index) => link(`${index}`, `${index + 1}`))
    assert.strictEqual(rootOf([[...links, file(`${length}`, 1)]])[`${length}`], "= 0")
  })
})

it("the plan makes directories, then files and their links, then symlinks, and finishes the deepest first", () => {
  const layer = [
    symlink("z", "b"),
    file("b/f", 1),
    link("a/g", "b/f"),
    link("y", "z"),
    fifo("b/a"),
    dir("b/c/d"),
    file("B")
  ]
  const { tree } = Either.getOrThrow(merge([layer]))
  assert.deepStrictEqual(
    [...RootPlan.of(tree)].map(({ _tag, path }) => `${_tag} ${path}`),
    [
      ..."MakeDirectory b,MakeDirectory a,MakeDirectory b/c,MakeDirectory b/c/d".split(","),
      ..."MakeFile b/f,MakeNode b/a,MakeFile B,MakeLink a/g".split(","),
      ..."MakeSymlink z,MakeLink y".split(","),
      ..."SetDirectory b/c/d,SetDirectory b/c,SetDirectory a,SetDirectory b,SetDirectory ".split(",")
    ]
  )
})

describe("a tree has its limits", () => {
  const refusal = (layers: Layers, limits: LayerMerge.MergeLimits) =>
    Either.match(
      LayerMerge.merge(
        layers.map((entries) => ({ entries })),
        limits
      ),
      { onLeft: ({ message }) => message, onRight: () => "no error" }
    )

  it("26: a name may ask for thousands of directories, and a few such names for too many", () => {
    const deep = (name: string) => file(`${"a/".repeat(1000)}${name}`)
    const limits = { ...LayerMerge.LIMITS, nodes: 1500 }
    assert.strictEqual(refusal([[deep("x"), deep("y")]], limits), "no error")
    assert.match(
      refusal([[deep("x")], [file(`${"b/".repeat(1000)}z`)]], limits),
      /^layer 1: entry "b.*more files and directories than are allowed \(maxentries\)$/
    )
  })

  it("26: names that go long ways round through symlinks are refused when they add up", () => {
    const around = symlink("l", `${"a/../".repeat(500)}a`)
    const entries = [dir("a"), around, ...Array.from({ length: 100 }, (_, name) => file(`l/${name}`))]
    assert.strictEqual(refusal([entries], LayerMerge.LIMITS), "no error")
    assert.match(refusal([entries], { ...LayerMerge.LIMITS, lookups: 10_000 }), /lead through more/)
  })
})

it("names that differ only in bytes stay two", () => {
  const [composed, decomposed] = ["\xc3\xa9", "e\xcc\x81"].map((path) => ({
    ...file(""),
    path: path as ByteString
  }))
  assert.lengthOf(Object.keys(rootOf([[composed as LayerEntry, decomposed as LayerEntry]])), 2)
})

/** `l0 → l1 → … → end`. */
function chain(length: number): ReadonlyArray<LayerEntry> {
  return Array.from({ length }, (_, at) => symlink(`l${at}`, at === length - 1 ? "end" : `l${at + 1}`))
}

function chainRoot(length: number): Record<string, string> {
  return Object.fromEntries(
    chain(length).map((entry) => [entry.path, entry._tag === "Symlink" ? `-> ${entry.target}` : ""])
  )
}
