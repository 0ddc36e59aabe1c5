/**
 * Images of Debian's packages as a Dockerfile makes them: one base layer for all, and a layer of its own for each kind. The
 * layers are kept in the cache by what they are made of, and hard links make a layout of them.
 */
import { createHash } from "node:crypto"
import {
  chmod,
  constants,
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile
} from "node:fs/promises"
import { dirname, join } from "node:path"
import { baseRoot, cacheDirectory, exists, proxies } from "./BaseRoot.ts"
import { run } from "./Command.ts"
import { INSTALL_TIMEOUT } from "./Packages.ts"

export interface LayerDefinition {
  /** Debian's packages, installed without those that they only recommend. */
  readonly packages: readonly string[]
  /** Texts by their paths below the root, with modes where they are programs. */
  readonly files?: Readonly<Record<string, readonly [text: string, mode?: number]>>
  /** A script that runs in the root as its last step, as root. */
  readonly script?: string
  /** The directory that is the whole root of the image, without the base: what `FROM scratch` and `COPY` make. */
  readonly only?: string
}

export interface ImageDefinition {
  /** The name of its layer. */
  readonly layer: string
  readonly config: object
}

interface Layer {
  readonly diffId: string
  readonly digest: string
  readonly size: number
  readonly file: string
}

const store = join(cacheDirectory, "popular")

/** Raised when the way in which layers are made changes. */
const VERSION = 2

/**
 * Installs packages and files over the base, and writes what that changed as an archive with whiteouts. `$1` is the directory of
 * the work, `$2` the base, `$3` the directory for apt's files, and packages follow.
 */
const MAKE = `
set -eu
work=$1 base=$2 apt=$3
shift 3
mkdir -p "$work/upper" "$work/work" "$work/root" "$apt/archives/partial" "$apt/lists/partial"
root=$work/root
mount -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/work,redirect_dir=off,metacopy=off" "$root"
mount -t proc proc "$root/proc"
mount --bind "$apt/archives" "$root/var/cache/apt/archives"
mount --bind "$apt/lists" "$root/var/lib/apt/lists"
printf '#!/bin/sh\\nexit 101\\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || :
export DEBIAN_FRONTEND=noninteractive
install() {
  chroot "$root" apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io \\
    -o APT::Keep-Downloaded-Packages=true install "$@"
}
if [ $# -gt 0 ]; then
  # Lists that were kept may be too old.
  { [ -e "$apt/updated" ] && install "$@"; } || { chroot "$root" apt-get -q update && : >"$apt/updated" && install "$@"; }
fi
cp -r "$work/files/." "$root/"
chroot "$root" sh -eu /tmp/script
rm -f "$root/tmp/script" "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf"
umount "$root/var/lib/apt/lists" "$root/var/cache/apt/archives" "$root/proc"
find "$work/upper" -type c | while IFS= read -r path; do
  if [ "$(stat -c %t:%T "$path")" = 0:0 ]; then
    rm "$path"
    : >"\${path%/*}/.wh.\${path##*/}"
  fi
done
`

/** Archives `$2` to the file `$1`, compressed, and prints the digest of the archive and of the file. */
const ARCHIVE = `
set -eu
tar -C "$2" --numeric-owner --sort=name --xattrs --xattrs-include=security.capability --anchored --no-wildcards-match-slash \\
  --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' --exclude='./usr/share/info/*' \\
  --exclude='./var/cache/apt/*' --exclude='./var/cache/debconf/*' --exclude='./var/lib/apt/lists/*' --exclude='./var/log/*.log' \\
  --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' --exclude='./usr/lib/x86_64-linux-gnu/libLLVM*' \\
  -cf "$1.tar" .
sha256sum <"$1.tar"
gzip -1n "$1.tar"
mv "$1.tar.gz" "$1"
sha256sum <"$1"
`

const archive = async (directory: string, tree: string): Promise<void> => {
  const { stdout } = await run(["sh", "-c", ARCHIVE, "archive", join(directory, "blob"), tree], {
    timeout: INSTALL_TIMEOUT
  })
  const [diffId, digest] = stdout.split("\n").map((line) => `sha256:${line.slice(0, 64)}`)
  await writeFile(join(directory, "layer.json"), JSON.stringify({ diffId, digest }))
}

/** Returns the layer that is kept under the name; `fill` makes it in an empty directory where it is missing. */
const kept = async (
  name: string,
  key: string,
  fill: (directory: string) => Promise<void>
): Promise<Layer> => {
  const directory = join(store, `${name}.${key}`)
  if (!(await exists(directory))) {
    const partial = `${directory}.partial-${process.pid}`
    await mkdir(partial, { recursive: true })
    try {
      await fill(partial)
      for (const older of await readdir(store))
        if (older.startsWith(`${name}.`) && !older.includes(".partial-"))
          await rm(join(store, older), { recursive: true, force: true })
      // Another process may have made the same one meanwhile.
      await rename(partial, directory).catch(() => {})
    } finally {
      await rm(partial, { recursive: true, force: true })
    }
  }
  const { diffId, digest } = JSON.parse(await readFile(join(directory, "layer.json"), "utf8"))
  const file = join(directory, "blob")
  return { diffId, digest, file, size: (await stat(file)).size }
}

const hash = (value: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify([VERSION, value]))
    .digest("hex")
    .slice(0, 12)

const base = async (): Promise<Layer> =>
  kept("base", hash("base"), async (directory) => archive(directory, await baseRoot("trixie")))

const made = (name: string, definition: LayerDefinition): Promise<Layer> =>
  kept(name, hash(definition), async (directory) => {
    const work = join(directory, "work")
    const { files = {}, only = "", packages, script = "" } = definition
    await put(work, "files/tmp/script", script)
    for (const [path, [text, mode = 0o644]] of Object.entries(files)) {
      await put(work, `files/${path}`, text)
      await chmod(join(work, "files", path), mode)
    }
    await run(
      [
        ...["unshare", "--mount", "--propagation", "private", "sh", "-c", MAKE, "make", work],
        ...[await baseRoot("trixie"), join(store, "apt"), ...packages]
      ],
      { timeout: INSTALL_TIMEOUT, env: proxies() }
    )
    await archive(directory, join(work, "upper", only))
    await rm(work, { recursive: true })
  })

const put = async (directory: string, path: string, content: string): Promise<void> => {
  await mkdir(dirname(join(directory, path)), { recursive: true })
  await writeFile(join(directory, path), content)
}

const OCI = "application/vnd.oci.image"

/** Makes a layout with the images in a directory. */
export const writeLayout = async (
  directory: string,
  layers: Readonly<Record<string, LayerDefinition>>,
  images: Readonly<Record<string, ImageDefinition>>
): Promise<void> => {
  await mkdir(store, { recursive: true })
  await mkdir(join(directory, "blobs/sha256"), { recursive: true })
  const place = (digest: string) => join(directory, "blobs", ...digest.split(":"))
  const blob = async (mediaType: string, content: unknown) => {
    const bytes = Buffer.from(JSON.stringify(content))
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`
    await writeFile(place(digest), bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const of = new Map<string, readonly Layer[]>()
  for (const name of new Set(Object.values(images).map(({ layer }) => layer))) {
    const definition = layers[name]
    if (definition === undefined) throw new Error(`no layer ${name}`)
    const own = await made(name, definition)
    of.set(name, definition.only === undefined ? [await base(), own] : [own])
  }
  const files = new Map([...of.values()].flat().map(({ digest, file }) => [digest, file]))
  for (const [digest, file] of files)
    await link(file, place(digest)).catch((cause) => {
      // A machine's directory is a mount of its own.
      if (cause.code !== "EXDEV") throw cause
      return copyFile(file, place(digest), constants.COPYFILE_FICLONE)
    })

  const manifests = []
  for (const [ref, { config, layer }] of Object.entries(images)) {
    const stack = of.get(layer) ?? []
    const manifest = await blob(`${OCI}.manifest.v1+json`, {
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config: await blob(`${OCI}.config.v1+json`, {
        architecture: process.arch === "x64" ? "amd64" : process.arch,
        os: "linux",
        config,
        rootfs: { type: "layers", diff_ids: stack.map(({ diffId }) => diffId) }
      }),
      layers: stack.map(({ digest, size }) => ({ mediaType: `${OCI}.layer.v1.tar+gzip`, digest, size }))
    })
    manifests.push({ ...manifest, annotations: { "org.opencontainers.image.ref.name": ref } })
  }
  await writeFile(join(directory, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}')
  await writeFile(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }))
}
