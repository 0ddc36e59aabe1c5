/** Small file systems of the tests' own, mounted for as long as they are held. */
import { spawnSync } from "node:child_process"
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { run } from "./Command.ts"

/** How exactly a file system is filled. */
const BALLAST = 2 ** 16

/** In memory where that can be had: a flush then waits for nobody else's disk. */
const MEMORY = "/dev/shm"

/** Where the file for an ext4 may be written; its directory is its own. */
export const imageFile = (): string =>
  join(mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "oci-image-")), "ext4")

export class Mounted implements AsyncDisposable {
  readonly path: string
  /** The file below an ext4, to be copied. */
  readonly image: string | undefined

  private constructor(path: string, image?: string) {
    this.path = path
    this.image = image
  }

  static async tmpfs(options: string): Promise<Mounted> {
    const path = mkdtempSync(join(tmpdir(), "oci-mounted-"))
    await run(["mount", "-t", "tmpfs", "-o", `mode=755,${options}`, "tmpfs", path])
    return new Mounted(path)
  }

  /** A new ext4 of `bytes` in a file. */
  static async ext4(bytes: number): Promise<Mounted> {
    const image = imageFile()
    writeFileSync(image, "")
    truncateSync(image, bytes)
    await run(["mkfs.ext4", "-q", "-F", "-m", "0", image])
    return Mounted.existing(image)
  }

  /** What is in the file `image`, which is removed with its directory at the end; a journal is replayed. */
  static async existing(image: string): Promise<Mounted> {
    const path = mkdtempSync(join(tmpdir(), "oci-mounted-"))
    await run(["mount", "-o", "loop", image, path])
    return new Mounted(path, image)
  }

  async remount(options: string): Promise<void> {
    await run(["mount", "-o", `remount,${options}`, this.path])
  }

  used(): { readonly bytes: number; readonly inodes: number } {
    const { bfree, blocks, bsize, ffree, files } = statfsSync(this.path)
    return { bytes: (blocks - bfree) * bsize, inodes: files - ffree }
  }

  /** Writes the file `name` until there is no more room than for `bytes`. */
  fillExcept(bytes: number, name: string): void {
    const fd = openSync(join(this.path, name), "w")
    try {
      while (this.free() > bytes) {
        writeSync(fd, Buffer.alloc(BALLAST))
        // Else what is free is a guess.
        fsyncSync(fd)
      }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ENOSPC") throw cause
    } finally {
      closeSync(fd)
    }
  }

  private free(): number {
    const { bavail, bsize } = statfsSync(this.path)
    return bavail * bsize
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(["umount", this.path])
    rmdirSync(this.path)
    if (this.image !== undefined) rmSync(join(this.image, ".."), { recursive: true })
  }
}

const works = (script: string): boolean => spawnSync("sh", ["-c", script]).status === 0

const PROBE_EXT4 = `
set -e
probe=$(mktemp -d)
trap 'umount "$probe/m" 2>/dev/null || :; rm -rf "$probe"' EXIT
mkdir "$probe/m"
truncate -s 8M "$probe/ext4"
mkfs.ext4 -q -F "$probe/ext4"
mount -o loop "$probe/ext4" "$probe/m"`

/** What is missing for `tmpfs`, and for `ext4`; `undefined` where nothing is. */
export const whyNoTmpfs = (): string | undefined =>
  works("unshare --mount mount -t tmpfs tmpfs /mnt") ? undefined : "tmpfs cannot be mounted (not root?)"
export const whyNoExt4 = (): string | undefined =>
  works(PROBE_EXT4)
    ? undefined
    : "an ext4 in a file cannot be mounted (no mkfs.ext4, no loop device, or not root)"
