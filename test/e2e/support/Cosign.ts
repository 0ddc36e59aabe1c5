/** cosign of Debian 13, which writes simple signing, and of sid, which writes bundles: packages of Debian, on a host of any release. */
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { cacheDirectory, exists, proxies } from "./BaseRoot.ts"
import { run } from "./Command.ts"

export type CosignRelease = "trixie" | "sid"

/** A slow mirror is no reason to fail a test. */
const DOWNLOAD_TIMEOUT = 10 * 60_000

/** `$1` is a directory with a list of sources: apt uses it in place of the host's, and checks what it gets by Debian's keys. */
const DOWNLOAD = `
set -e
cd "$1"
mkdir -p lists/partial archives/partial
apt() {
  apt-get -q -o Dir::Etc::SourceList="$PWD/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$PWD/lists" \\
    -o Dir::Cache="$PWD" -o Dir::Cache::Archives="$PWD/archives" -o APT::Sandbox::User=root "$@"
}
apt update
apt download cosign
dpkg-deb --extract cosign_*.deb program
`

/** Returns the path of the program; it is downloaded once. */
export const program = async (release: CosignRelease): Promise<string> => {
  const directory = join(cacheDirectory, `cosign-${release}`)
  const path = join(directory, "usr/bin/cosign")
  if (await exists(path)) return path
  await mkdir(cacheDirectory, { recursive: true })
  const partial = await mkdtemp(`${directory}.partial-`)
  try {
    const mirror = process.env.DEBOOTSTRAP_MIRROR || "http://deb.debian.org/debian"
    const source = `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${release} main\n`
    await writeFile(join(partial, "sources.list"), source)
    await run(["sh", "-c", DOWNLOAD, "download", partial], { timeout: DOWNLOAD_TIMEOUT, env: proxies() })
    // Another process may have been faster: its program is the same.
    await rename(join(partial, "program"), directory).catch(() => undefined)
    return path
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

/** What cosign needs to speak to a registry without TLS, and to sign without asking and without a log. */
const INSECURE = ["--allow-insecure-registry", "--allow-http-registry"]
const OFFLINE: Readonly<Record<CosignRelease, readonly string[]>> = {
  trixie: ["--tlog-upload=false"],
  sid: ["--tlog-upload=false", "--use-signing-config=false", "--new-bundle-format=true"]
}

/** Returns the command that signs an image in a registry by a private key without a password. */
export const sign = async (
  release: CosignRelease,
  key: string,
  image: string
): Promise<readonly string[]> => [
  ...["env", "COSIGN_PASSWORD=", await program(release), "sign", "--yes", "--key", key],
  ...OFFLINE[release],
  ...INSECURE,
  image
]

/** Returns the command that saves an image with its signatures as a layout. */
export const save = async (directory: string, image: string): Promise<readonly string[]> => [
  ...[await program("trixie"), "save", ...INSECURE, "--dir", directory, image]
]

/** Writes `PREFIX.key`, without a password, and `PREFIX.pub` of a private key that openssl(1) has made. */
export const importKey = async (pem: string, prefix: string): Promise<void> => {
  const command = [await program("sid"), "import-key-pair", "--yes", "--key", pem]
  await run(["env", "COSIGN_PASSWORD=", ...command, "--output-key-prefix", prefix])
}
