/** `verify --deep` where the extracts are on an overlay of two file systems, as below a live system: files and directories differ in device there. */
import { execFileSync } from "node:child_process"
import { lstatSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import * as Tar from "../support/TarWriter.ts"
import { image, type Place, withPlace } from "../support/VerifyPlace.ts"
import { whyNoTmpfs } from "./support/Mounted.ts"

/** `xino=off` is what a kernel falls back to. */
const onOverlay = (test: (root: string, place: Place) => Promise<void>): Promise<void> =>
  withPlace(async (place) => {
    const at = (name: string) => join(place.at, name)
    for (const name of ["lower", "memory", "extracts"]) mkdirSync(at(name))
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", at("memory")])
    try {
      for (const name of ["memory/upper", "memory/work"]) mkdirSync(at(name))
      const layers = `lowerdir=${at("lower")},upperdir=${at("memory/upper")},workdir=${at("memory/work")}`
      execFileSync("mount", ["-t", "overlay", "-o", `${layers},xino=off`, "overlay", place.extracts])
      try {
        const file = (name: string) => Tar.member({ name }, "data")
        const link = Tar.member({ name: "d/other", type: "1", link: "d/file" })
        place.layout.index(
          place.layout.named("v1", image(place.layout, [Tar.archive(file("d/file"), link, file("e/file"))]))
        )
        const [root = ""] = await place.extract()
        await test(root, place)
      } finally {
        execFileSync("umount", [place.extracts])
      }
    } finally {
      execFileSync("umount", [at("memory")])
    }
  })

const lacking = whyNoTmpfs()

describe.skipIf(lacking !== undefined)(
  `a root on an overlay${lacking === undefined ? "" : ` (${lacking})`}`,
  () => {
    it("has no findings, and what was changed shows", () =>
      onOverlay(async (root, { verify }) => {
        assert.notEqual(lstatSync(`${root}/d`).dev, lstatSync(`${root}/d/file`).dev)
        assert.deepEqual((await verify({ deep: true })).lines, [])
        const data = readFileSync(`${root}/d/other`)
        unlinkSync(`${root}/d/other`)
        writeFileSync(`${root}/d/other`, data)
        const { lines } = await verify({ deep: true })
        assert.lengthOf(lines, 2)
        assert.match(lines[0] ?? "", /: changed \/d: mtime 0 is /)
        assert.match(lines[1] ?? "", /: changed \/d\/other: mtime .*; no longer a hard link of \/d\/file$/)
      }))

    it("has findings where something is mounted in it", () =>
      onOverlay(async (root, { verify }) => {
        execFileSync("mount", ["-t", "tmpfs", "tmpfs", `${root}/e`])
        try {
          assert.deepEqual((await verify({ deep: true })).lines, [
            "example.org/app:v1: changed /e: another file system is mounted there"
          ])
        } finally {
          execFileSync("umount", [`${root}/e`])
        }
      }))
  }
)
