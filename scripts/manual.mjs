/** Makes manual pages and completions in `dist` from the definitions of commands and settings. */
import { execFileSync } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { sourceDate } from "./sourceDate.mjs"

const top = join(dirname(fileURLToPath(import.meta.url)), "..")

export const makeManual = async () => {
  const dist = join(top, "dist")
  const program = join(dist, "write-manual.cjs")
  await build({
    entryPoints: [join(top, "src/bin/manual/write.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    external: ["koffi"],
    define: { "import.meta.dirname": "__dirname", "import.meta.filename": "__filename" },
    logLevel: "warning"
  })
  const { version } = JSON.parse(readFileSync(join(top, "package.json"), "utf8"))
  execFileSync(process.execPath, [program, dist, version, sourceDate().toISOString().slice(0, 10)])
  rmSync(program)
}
