/** The generator's code: what may read files without the record of its inputs, and what may read its environment. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { assert, beforeAll, describe, it } from "vitest"

const top = fileURLToPath(new URL("../..", import.meta.url))

describe("the generator's modules", () => {
  let modules: readonly string[] = []
  beforeAll(async () => {
    const { metafile } = await build({
      absWorkingDir: top,
      entryPoints: ["src/bin/generator.ts"],
      bundle: true,
      write: false,
      metafile: true,
      platform: "node",
      format: "esm",
      logLevel: "error"
    })
    modules = Object.keys(metafile.inputs).filter((file) => file.startsWith("src/"))
  })
  const having = (pattern: RegExp) =>
    modules.filter((file) => pattern.test(readFileSync(`${top}/${file}`, "utf8")))

  it("read files by RecordedFiles: the others only write, and what they look at does not decide", () => {
    assert.deepEqual(having(/from "(?:node:)?fs(?:\/promises)?"/).toSorted(), MAY_IMPORT_FS)
  })
})

/** The record and its functions; units and what puts them in place; the log; the memory. */
const MAY_IMPORT_FS = [
  "src/services/extracts/FactsFile.ts",
  "src/services/files/AtomicReplace.ts",
  "src/services/files/Durable.ts",
  "src/services/files/InputRecord.ts",
  "src/services/files/RecordedFiles.ts",
  "src/services/host/GeneratorLog.ts",
  "src/services/memory/Memory.ts",
  "src/services/memory/MemoryDirectory.ts",
  "src/services/memory/MemoryUse.ts",
  "src/services/memory/RunAhead.ts",
  "src/services/unit/UnitDirectory.ts"
]
