/** An extracted root against the one that umoci unpacks from the same image. */
import { mkdir, mkdtemp, readdir, rm, symlink, unlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import { writeLayouts } from "../../bench/Images.mjs"
import { run } from "./support/Command.ts"
import { busyboxRootfs, skopeoCopy, umociImage } from "./support/layouts.ts"
import { baseRoot, skipReason } from "./support/Machine.ts"
import { describeTree, differences } from "./support/TreeDescription.ts"

const CLI = join(dirname(fileURLToPath(import.meta.url)), "../../dist/oci-systemd.cjs")

/** Twenty thousand files on a busy machine. */
const EXTRACT_TIMEOUT = 300_000

/** The root of the only image below the extracts directory of `work`, by the configuration in it. */
const extractedRoot = async (work: string, layouts: string): Promise<string> => {
  const conf = join(work, "conf")
  await writeFile(
    conf,
    `[system]\nimagelayoutdir = ${layouts}\nextractsdir = ${work}/extracts\nroots = directories\n`
  )
  await run([process.execPath, CLI, "extract", "--config", conf], { timeout: EXTRACT_TIMEOUT })
  const chains = join(work, "extracts/roots/sha256")
  const [shard = ""] = await readdir(chains)
  const [chain = ""] = await readdir(join(chains, shard))
  assert.deepEqual(await readdir(join(work, "extracts/tmp")), [])
  return join(chains, shard, chain)
}

const inTemporary = async (use: (work: string) => Promise<void>): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-extraction-"))
  try {
    await use(work)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const reason = skipReason()
describe.skipIf(reason !== undefined)(`an extracted root${reason ?? ""}`, () => {
  const compare = (
    makeRootfs: (directory: string) => Promise<void>,
    layers: ReadonlyArray<(rootfs: string) => Promise<void>>,
    compression: "gzip" | "zstd"
  ) =>
    inTemporary(async (work) => {
      const rootfs = join(work, "rootfs")
      await makeRootfs(rootfs)
      await umociImage(join(work, "built"), "v1", {
        rootfs,
        layers: [...layers],
        config: ["--config.cmd=/bin/true"]
      })
      const layout = join(work, "layouts/example.org/image")
      await mkdir(dirname(layout), { recursive: true })
      await skopeoCopy(join(work, "built"), "v1", layout, "v1", { compression })
      await run(["umoci", "raw", "unpack", "--image", `${join(work, "built")}:v1`, join(work, "umoci")])
      const root = await extractedRoot(work, join(work, "layouts"))
      assert.equal(differences(await describeTree(root), await describeTree(join(work, "umoci"))), "")
    })

  for (const compression of ["gzip", "zstd"] as const) {
    it(`is umoci's, with files removed, replaced and of other types (${compression})`, () =>
      compare(
        async (rootfs) => {
          await busyboxRootfs(rootfs)
          await run([
            "sh",
            "-c",
            'cd "$0" && mkfifo pipe && mknod null c 1 3 && ln bin/busybox hard && chmod 4755 hard',
            rootfs
          ])
        },
        [
          async (rootfs) => {
            await unlink(join(rootfs, "etc/group"))
            await rm(join(rootfs, "usr/sbin"), { recursive: true })
            await writeFile(join(rootfs, "usr/sbin"), "a file now\n")
            await symlink("/etc/passwd", join(rootfs, "link"))
          },
          async (rootfs) => {
            await unlink(join(rootfs, "usr/sbin"))
            await mkdir(join(rootfs, "usr/sbin"))
            await writeFile(join(rootfs, "usr/sbin/new"), "and a directory again\n", { mode: 0o640 })
          }
        ],
        compression
      ))
  }

  it("is umoci's for a Debian, a node_modules of 20,000 files, and a layer of changes over both, in gzip and in zstd", () =>
    inTemporary(async (work) => {
      await baseRoot("trixie")
      const layouts = (compression: "gzip" | "zstd") =>
        writeLayouts({ directory: join(work, compression), names: ["three"], compression })
      const [written] = await layouts("gzip")
      const theirs = join(work, "umoci")
      await run(["umoci", "raw", "unpack", "--image", `${written?.layout}:v1`, theirs], {
        timeout: EXTRACT_TIMEOUT
      })
      const expected = await describeTree(theirs)
      assert.isAbove(expected.length, 40_000)
      for (const compression of ["gzip", "zstd"] as const) {
        await layouts(compression)
        const place = join(work, `extracted-${compression}`)
        await mkdir(place)
        const ours = await describeTree(await extractedRoot(place, join(work, compression)))
        assert.equal(differences(ours, expected), "", compression)
      }
    }))
})
