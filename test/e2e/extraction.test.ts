/** An extracted root against the one that umoci unpacks from the same image. */
import { cp, mkdir, mkdtemp, readdir, rm, symlink, unlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import { run } from "./support/Command.ts"
import { busyboxRootfs, skopeoCopy, umociImage } from "./support/layouts.ts"
import { baseRoot, skipReason } from "./support/Machine.ts"

const CLI = join(dirname(fileURLToPath(import.meta.url)), "../../dist/oci-systemd.cjs")

/** Everything that find(1) can tell of every file, and what it holds; sizes and link counts of directories depend on their history. */
const describeTree = async (root: string): Promise<string> => {
  const facts =
    "find . -printf '%p|%y|%m|%U:%G|%T@|%s|%l|%n\\n' | sed -E 's/(\\|d\\|.*\\|)[0-9]+(\\|[^|]*\\|)[0-9]+$/\\1\\2/' | LC_ALL=C sort"
  const devices = "find . -type c -o -type b | LC_ALL=C sort | xargs -r -d '\\n' stat -c '%n %t:%T'"
  const content = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum"
  return (await run(["sh", "-c", `cd "$0" && ${facts} && ${devices} && ${content}`, root])).stdout
}

const reason = skipReason()
describe.skipIf(reason !== undefined)(`an extracted root${reason ?? ""}`, () => {
  const compare = async (
    makeRootfs: (directory: string) => Promise<void>,
    layers: ReadonlyArray<(rootfs: string) => Promise<void>>,
    compression: "gzip" | "zstd"
  ) => {
    const work = await mkdtemp(join(tmpdir(), "oci-extraction-"))
    try {
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
      await writeFile(
        join(work, "conf"),
        `[system]\nimagelayoutdir = ${work}/layouts\nextractsdir = ${work}/extracts\n`
      )
      await run(["umoci", "raw", "unpack", "--image", `${join(work, "built")}:v1`, join(work, "umoci")])
      await run([process.execPath, CLI, "extract", "--config", join(work, "conf")])
      const chains = join(work, "extracts/dirs/chainID/sha256")
      const [shard = ""] = await readdir(chains)
      const [chain = ""] = await readdir(join(chains, shard))
      assert.equal(await describeTree(join(chains, shard, chain)), await describeTree(join(work, "umoci")))
      assert.deepEqual(await readdir(join(work, "extracts/tmp")), [])
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }

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

  it("is umoci's for a whole Debian", () =>
    compare(
      async (rootfs) =>
        cp(await baseRoot("trixie"), rootfs, {
          recursive: true,
          verbatimSymlinks: true,
          preserveTimestamps: true,
          filter: (path) => !path.includes("/dev/")
        }),
      [],
      "gzip"
    ))
})
