/** Bundles the two programs into `dist/`, each one file that runs on its own; native code stays beside them. */
import { chmodSync, cpSync, mkdirSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const top = join(dirname(fileURLToPath(import.meta.url)), "..")
const dist = join(top, "dist")

rmSync(dist, { recursive: true, force: true })
mkdirSync(dist, { recursive: true })

const programs = { "oci-systemd-generator": "src/bin/generator.ts", "oci-systemd": "src/bin/cli.ts" }
for (const [name, entry] of Object.entries(programs)) {
  const outfile = join(dist, `${name}.cjs`)
  await build({
    entryPoints: [join(top, entry)],
    outfile,
    bundle: true,
    minify: true,
    keepNames: true,
    platform: "node",
    // CommonJS starts faster than modules do.
    format: "cjs",
    target: "node20",
    external: ["koffi"],
    banner: { js: "#!/usr/bin/env node" },
    legalComments: "none",
    logLevel: "warning"
  })
  chmodSync(outfile, 0o755)
}

// koffi finds its native code relative to itself, so it goes along as a package of its own, for this machine.
const require = createRequire(import.meta.url)
for (const name of ["koffi", `@koromix/koffi-linux-${process.arch}`]) {
  const source = dirname(require.resolve(`${name}/package.json`))
  cpSync(source, join(dist, "node_modules", name), {
    recursive: true,
    filter: (path) => !/\/(?:src|doc|lib|vendor)(?:\/|$)/.test(path.slice(source.length))
  })
}
