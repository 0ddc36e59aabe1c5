/** Real OCI image layouts for tests, made with the tools people make them with: busybox, umoci(1) and skopeo(1). */
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, dirname, join, relative } from "node:path"
import { exists } from "./BaseRoot.ts"
import { run } from "./Command.ts"

/** /etc/passwd and /etc/group of `busyboxRootfs`: root, a plain user with a shell, and one with neither home nor name on the host. */
const PASSWD = [
  "root:x:0:0:root:/root:/bin/sh",
  "daemon:x:1:1:daemon:/usr/sbin:/bin/false",
  "app:x:4242:4243:the application:/home/app:/bin/sh",
  "nobody:x:65534:65534:nobody:/nonexistent:/bin/false",
  ""
].join("\n")

const GROUP = ["root:x:0:", "daemon:x:1:", "app:x:4243:", "extra:x:4300:app", "nogroup:x:65534:", ""].join(
  "\n"
)

const DIRECTORIES: Readonly<Record<string, number>> = {
  bin: 0o755,
  dev: 0o755,
  etc: 0o755,
  home: 0o755,
  "home/app": 0o755,
  proc: 0o555,
  root: 0o700,
  run: 0o755,
  sbin: 0o755,
  sys: 0o555,
  tmp: 0o1777,
  usr: 0o755,
  "usr/bin": 0o755,
  "usr/sbin": 0o755,
  var: 0o755,
  "var/lib": 0o755,
  "var/tmp": 0o1777
}

/**
 * Fills `directory` with a small root filesystem: a static busybox, a relative link for each of its applets, users
 * `root`, `daemon`, `app` (4242:4243, also in group `extra` 4300) and `nobody`, and the usual directories.
 */
export const busyboxRootfs = async (directory: string): Promise<string> => {
  await mkdir(directory, { recursive: true })
  for (const [path, mode] of Object.entries(DIRECTORIES)) {
    await mkdir(join(directory, path), { recursive: true })
    await chmod(join(directory, path), mode)
  }
  const busybox = (await run(["sh", "-c", 'readlink -f "$(command -v busybox)"'])).stdout.trim()
  await copyFile(busybox, join(directory, "bin/busybox"))
  await chmod(join(directory, "bin/busybox"), 0o755)
  const applets = (await run([busybox, "--list-full"])).stdout.split("\n").filter(Boolean)
  for (const applet of applets) {
    const link = join(directory, applet)
    const target = relative(dirname(link), join(directory, "bin/busybox"))
    await mkdir(dirname(link), { recursive: true })
    if (basename(applet) !== "busybox") await symlink(target, link)
  }
  await writeFile(join(directory, "etc/passwd"), PASSWD)
  await writeFile(join(directory, "etc/group"), GROUP)
  await run(["chown", "4242:4243", join(directory, "home/app")])
  return directory
}

export interface UmociImageOptions {
  /** The tree that becomes the first layer. */
  readonly rootfs?: string
  /** Each changes the unpacked root of the layers so far and becomes one more layer; what it removes, a whiteout. */
  readonly layers?: ReadonlyArray<(rootfs: string) => Promise<void>>
  /** Arguments of `umoci config`: `["--config.entrypoint=/bin/sh", "--config.env=A=b", "--config.user=app", …]`. */
  readonly config?: readonly string[]
}

/** Adds the image `tag` to the layout in `layoutDir`, which is made where it is missing. Layers are gzip, as umoci does. */
export const umociImage = async (
  layoutDir: string,
  tag: string,
  options: UmociImageOptions = {}
): Promise<void> => {
  const image = `${layoutDir}:${tag}`
  if (!(await exists(join(layoutDir, "index.json")))) {
    await mkdir(dirname(layoutDir), { recursive: true })
    await run(["umoci", "init", "--layout", layoutDir])
  }
  await run(["umoci", "new", "--image", image])
  const { rootfs } = options
  const first = rootfs === undefined ? [] : [copyTree(rootfs)]
  await addLayers(image, [...first, ...(options.layers ?? [])])
  if (options.config !== undefined) await run(["umoci", "config", "--image", image, ...options.config])
  // umoci leaves each step's manifest and config behind.
  await run(["umoci", "gc", "--layout", layoutDir])
}

const copyTree =
  (source: string) =>
  async (rootfs: string): Promise<void> => {
    await run(["cp", "--archive", "--no-target-directory", source, rootfs])
  }

const addLayers = async (
  image: string,
  layers: ReadonlyArray<(rootfs: string) => Promise<void>>
): Promise<void> => {
  if (layers.length === 0) return
  const temporary = await mkdtemp(join(tmpdir(), "oci-systemd-bundle-"))
  const bundle = join(temporary, "bundle")
  try {
    await run(["umoci", "unpack", "--image", image, bundle])
    for (const change of layers) {
      await change(join(bundle, "rootfs"))
      await run(["umoci", "repack", "--refresh-bundle", "--image", image, bundle])
    }
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

export interface SkopeoCopyOptions {
  /** What the layers of the copy are compressed with; as they are unless told. */
  readonly compression?: "gzip" | "zstd"
  /** The manifest's format. skopeo refuses to store Docker's schema 2 in an `oci:` layout, so "v2s2" goes to `dir:`. */
  readonly format?: "oci" | "v2s2"
}

/** Copies an image between layouts. With `format: "v2s2"`, `to` becomes a directory of skopeo's `dir:` transport. */
export const skopeoCopy = async (
  fromLayout: string,
  fromTag: string,
  toLayout: string,
  toTag: string,
  options: SkopeoCopyOptions = {}
): Promise<void> => {
  const { compression, format = "oci" } = options
  await mkdir(dirname(toLayout), { recursive: true })
  await run([
    ...["skopeo", "--insecure-policy", "copy", "--quiet", "--format", format],
    ...(compression === undefined ? [] : ["--dest-compress-format", compression]),
    `oci:${fromLayout}:${fromTag}`,
    format === "v2s2" ? `dir:${toLayout}` : `oci:${toLayout}:${toTag}`
  ])
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
}

/** The media types of an image's layers, lowest first: what a test says it made is what it should check. */
export const layerMediaTypes = async (layoutDir: string, tag: string): Promise<readonly string[]> => {
  const index: { manifests: (Descriptor & { annotations?: Record<string, string> })[] } = JSON.parse(
    await readFile(join(layoutDir, "index.json"), "utf8")
  )
  const found = index.manifests.find((m) => m.annotations?.["org.opencontainers.image.ref.name"] === tag)
  if (found === undefined) throw new Error(`${layoutDir} has no image ${tag}`)
  const manifest: { layers: Descriptor[] } = JSON.parse(
    await readFile(join(layoutDir, "blobs", ...found.digest.split(":")), "utf8")
  )
  return manifest.layers.map((layer) => layer.mediaType)
}
