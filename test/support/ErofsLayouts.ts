/** Ten images that hold everything an EROFS image of layers can hold, as the archives of their layers. */
import { Buffer } from "node:buffer"
import * as Tar from "./TarWriter.ts"

/** `struct vfs_cap_data`: cap_net_bind_service, effective. */
export const CAPABILITY = Buffer.from("0100000200040000000000000000000000000000", "hex")
/** A user, a group and a mask beside what each mode says. */
export const ACL = Buffer.from(
  "0200000001000700ffffffff02000600e803000004000500ffffffff08000500e903000010000700ffffffff20000500ffffffff",
  "hex"
)
/** No more than a mode says: rwxr-x---. */
const MINIMAL_ACL = Buffer.from("0200000001000700ffffffff04000500ffffffff20000000ffffffff", "hex")

export const xattr = (name: string, value: string | Uint8Array) => [`SCHILY.xattr.${name}`, value] as const
export const file = (name: string, data: string | Uint8Array = "", fields: Tar.Fields = {}) =>
  Tar.member({ name, ...fields }, data)
const directory = (name: string, fields: Tar.Fields = {}) =>
  Tar.member({ name, type: "5", mode: 0o755, ...fields })
export const symlink = (name: string, target: string) =>
  Buffer.concat([Tar.pax([["linkpath", target]]), Tar.member({ name, type: "2", link: "x" })])
const hardlink = (name: string, link: string) => Tar.member({ name, type: "1", link })
const named = (path: string, member: Uint8Array) => Buffer.concat([Tar.pax([["path", path]]), member])
/** An old GNU sparse file with the data of its runs. */
const sparse = (name: string, size: number, runs: ReadonlyArray<number>) => {
  const data = Buffer.concat(runs.flatMap((length, index) => (index % 2 ? [letters(length)] : [])))
  return Tar.member({ name, type: "S", magic: Tar.GNU, tail: Tar.oldGnuTail(runs, size) }, data)
}
export const letters = (length: number) =>
  Buffer.from(Array.from({ length }, (_, index) => 97 + (index % 26)))

export const layouts: Readonly<Record<string, ReadonlyArray<Uint8Array>>> = {
  "no layer": [],
  "an empty layer": [Tar.END],
  "one of each type": [
    Tar.archive(
      directory("./", { mode: 0o711, uid: 7, gid: 8, mtime: 1_700_000_000 }),
      file("file", "data", { mode: 0o4755 }),
      file("empty"),
      directory("directory/", { mode: 0o1777 }),
      symlink("symlink", "../file"),
      hardlink("hardlink", "file"),
      Tar.member({ name: "character", type: "3", major: 4095, minor: 1_048_575 }),
      Tar.member({ name: "block", type: "4", major: 8, minor: 257 }),
      Tar.member({ name: "fifo", type: "6", mode: 0o622 })
    )
  ],
  "owners and times": [
    Tar.archive(
      Tar.pax([
        ["uid", "4294967294"],
        ["gid", "4294967294"],
        ["mtime", "1700000000.123456789"]
      ]),
      file("high", "1"),
      Tar.pax([["mtime", "-1.5"]]),
      file("before 1970"),
      Tar.pax([["mtime", "-9000000000.000000001"]]),
      directory("long before 1970/"),
      Tar.pax([["mtime", "9007199254740991.999999999"]]),
      file("far")
    )
  ],
  "attributes, most of them shared": [
    Tar.archive(
      ...Array.from({ length: 40 }, (_, index) =>
        Buffer.concat([
          Tar.pax([xattr("security.capability", CAPABILITY), xattr("user.number", `${index % 3}`)]),
          file(`many/${index}`, "x")
        ])
      ),
      Tar.pax([xattr("system.posix_acl_access", ACL), xattr("system.posix_acl_default", ACL)]),
      directory("listed/"),
      Tar.pax([xattr("system.posix_acl_access", MINIMAL_ACL)]),
      file("minimal", "", { mode: 0o4600 }),
      Tar.pax([xattr("trusted.one", ""), xattr("user.large", letters(65_535))]),
      directory("large/"),
      Tar.pax([xattr(`user.${"n".repeat(250)}`, "long name")]),
      file("long"),
      Tar.pax(Array.from({ length: 255 }, (_, index) => xattr(`user.${index}`, `${index}`))),
      file("most"),
      Tar.pax([xattr("trusted.link", "of a symlink")]),
      Tar.member({ name: "link", type: "2", link: "x".repeat(99) })
    )
  ],
  "names and targets of every length": [
    Tar.archive(
      ...Array.from({ length: 255 }, (_, index) => named("n".repeat(index + 1), file("x", `${index}`))),
      ...Array.from({ length: 24 }, (_, index) => symlink(`short ${index}`, "t".repeat(436 + index))),
      symlink("long", "t".repeat(4095)),
      ...["-", "!", ".a", "..a", "...", "\xff", "\x01", "a\n", "é"].map((name) => named(name, file("x")))
    )
  ],
  "directories of all sizes": [
    Tar.archive(
      directory("none/"),
      ...Array.from({ length: 60 }, (_, count) => count).flatMap((count) =>
        Array.from({ length: count }, (_, index) => file(`${count}/${"e".repeat(index % 7)}${index}`))
      ),
      directory("of directories/"),
      ...Array.from({ length: 50 }, (_, index) => directory(`of directories/${index}/`))
    )
  ],
  "several layers, with what they take away": [
    Tar.archive(
      file("a/one", "1"),
      file("a/two", "2"),
      directory("b/"),
      file("b/below", "hidden"),
      file("c")
    ),
    Tar.archive(
      file("a/.wh.one"),
      file("a/three", letters(5000)),
      file("b/.wh..wh..opq"),
      file("b/new", "n")
    ),
    Tar.archive(hardlink("a/four", "a/three"), file("a/two", "other"), symlink("c", "a"), file("c/five", "5"))
  ],
  "sparse files": [
    Tar.archive(
      sparse("in place", 40_965, [4096, 4096, 16_384, 512, 40_960, 5]),
      sparse("not aligned", 132_773, [4096, 4096, 16_384, 500, 32_768, 5]),
      sparse("one hole", 2 ** 33, [2 ** 33, 0]),
      sparse("begins with data", 2 ** 20, [0, 512]),
      sparse("too many chunks for its runs", 2 ** 26, [4096, 512]),
      sparse("neighbours", 12_288, [0, 4096, 4096, 4096]),
      sparse("data from byte 1", 100_000, [1, 99_999])
    )
  ],
  "large files": [
    Tar.archive(file("whole", letters(3_000_000)), file("block", letters(512)), file("more", letters(513)))
  ]
}
