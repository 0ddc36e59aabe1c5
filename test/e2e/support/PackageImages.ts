/** Images of Debian's packages: several configurations of one layer, made once and kept beside the machines' own trees. */
import { createHash } from "node:crypto"
import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { baseRoot, cacheDirectory, exists } from "./BaseRoot.ts"
import { run } from "./Command.ts"
import { INSTALL_TIMEOUT, installPackages } from "./Packages.ts"

export interface PackageImages {
  /** Of the directory in the cache: another one for each change of what follows. */
  readonly name: string
  readonly packages: readonly string[]
  /** Changes the tree after the packages are installed. */
  readonly fill: (root: string) => Promise<void>
  /** By the image's reference. */
  readonly configurations: Readonly<Record<string, object>>
}

/** The layout; it is made when it is missing. */
export const make = async ({ configurations, fill, name, packages }: PackageImages): Promise<string> => {
  const directory = join(cacheDirectory, name)
  if (await exists(directory)) return join(directory, "layout")
  const partial = `${directory}.partial-${process.pid}`
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { recursive: true })
  const root = join(partial, "root")
  await run(["cp", "--archive", "--reflink=auto", await baseRoot("trixie"), root])
  await installPackages(root, packages)
  await fill(root)

  const layout = join(partial, "layout")
  await run(["umoci", "init", "--layout", layout])
  await run(["umoci", "new", "--image", `${layout}:base`])
  await run(["umoci", "insert", "--image", `${layout}:base`, root, "/"], { timeout: INSTALL_TIMEOUT })
  await configure(layout, configurations)
  await run(["umoci", "gc", "--layout", layout])
  await rm(root, { recursive: true })
  await rename(partial, directory).catch(() => rm(partial, { recursive: true }))
  return join(directory, "layout")
}

/** umoci knows nothing of health checks: the configurations are written by hand, each an image of the one layer. */
const configure = async (layout: string, configurations: Readonly<Record<string, object>>): Promise<void> => {
  const at = (digest: string) => join(layout, "blobs", ...digest.split(":"))
  const read = async (digest: string) => JSON.parse(await readFile(at(digest), "utf8"))
  const write = async (json: unknown) => {
    const bytes = Buffer.from(JSON.stringify(json))
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`
    await writeFile(at(digest), bytes)
    return { digest, size: bytes.length }
  }
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8"))
  const [base] = index.manifests
  const manifest = await read(base.digest)
  const image = await read(manifest.config.digest)
  index.manifests = []
  for (const [ref, config] of Object.entries(configurations)) {
    const changed = { ...manifest, config: { ...manifest.config, ...(await write({ ...image, config })) } }
    const annotations = { "org.opencontainers.image.ref.name": ref }
    index.manifests.push({ ...base, ...(await write(changed)), annotations })
  }
  await writeFile(join(layout, "index.json"), JSON.stringify(index))
}

export const copyTo = async (layout: string, directory: string): Promise<void> => {
  await mkdir(join(directory, ".."), { recursive: true })
  await cp(layout, directory, { recursive: true })
}
