import { spawnSync } from "node:child_process"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { InputRecord, STAT_FORMAT } from "../../../src/services/files/InputRecord.ts"
import { temporary } from "../../support/LayoutWriter.ts"

/** Some time after what the tests write, so that it is not new. */
const later = () => Date.now() + 10_000

const inDirectory = (test: (at: (name: string) => string) => void) => {
  using directory = temporary()
  test((name) => join(directory.path, name))
}

describe("InputRecord", () => {
  it.each(["stat", "busybox stat"])("has the lines that %s prints", (tool) =>
    inDirectory((at) => {
      writeFileSync(at("file"), "text", { mode: 0o640 })
      mkdirSync(at("directory with a space"))
      symlinkSync("file", at("link"))
      symlinkSync("nothing", at("dangling"))
      const record = new InputRecord(later())
      for (const name of ["file", "directory with a space", "link", "dangling", "absent"])
        record.note(at(name))
      const names = [...record.paths.keys()]
      const lines = [...record.paths.values()].filter((line): line is string => line !== undefined)
      assert.lengthOf(names, 6)
      assert.lengthOf(lines, 4)
      const { status, stdout } = spawnSync(
        "/bin/sh",
        ["-c", `exec ${tool} -c "$@"`, "sh", STAT_FORMAT, ...names],
        {
          encoding: "utf8",
          env: { PATH: process.env.PATH, TZ: "UTC0" }
        }
      )
      // Where there is no such program; a path where nothing is makes stat end with 1.
      if (status === 127) return
      assert.equal(stdout, lines.map((line) => `${line}\n`).join(""))
      assert.isUndefined(record.distrusted)
    })
  )

  it("follows each symbolic link, and notes where nothing is", () =>
    inDirectory((at) => {
      mkdirSync(at("sub"))
      symlinkSync("sub/second", at("first"))
      symlinkSync("../third", at("sub/second"))
      const record = new InputRecord(later())
      record.note(at("first"))
      assert.deepEqual([...record.paths.keys()], [at("first"), at("sub/second"), `${at("sub")}/../third`])
      assert.isUndefined(record.paths.get(`${at("sub")}/../third`))
    }))

  it("is not to be trusted where something had just been changed, or will have been", () =>
    inDirectory((at) => {
      writeFileSync(at("file"), "text")
      const trusts = (start: number) => {
        const record = new InputRecord(start)
        record.note(at("file"))
        return record.distrusted === undefined
      }
      assert.isFalse(trusts(Date.now()))
      assert.isFalse(trusts(Date.now() - 3_600_000))
      assert.isTrue(trusts(later()))
    }))

  it("is not to be trusted where links go round in a circle, or a path is relative", () =>
    inDirectory((at) => {
      symlinkSync("./loop", at("loop"))
      const circle = new InputRecord(later())
      circle.note(at("loop"))
      assert.include(circle.distrusted ?? "", "too many symbolic links")
      const relative = new InputRecord(later())
      relative.note("file")
      assert.include(relative.distrusted ?? "", "not an absolute path")
    }))
})
