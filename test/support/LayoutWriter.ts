/** Writes image layouts into real directories, honest ones and others. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { gzipSync } from "node:zlib"

export interface WrittenDescriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: unknown
}

const OCI = "application/vnd.oci.image"
export const MANIFEST = `${OCI}.manifest.v1+json`
export const INDEX = `${OCI}.index.v1+json`
/** An archive of nothing: two blocks of zeros. */
export const EMPTY_TAR = Buffer.alloc(1024)

export const sha256 = (bytes: Uint8Array | string): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`

/** A directory that is removed at the end. */
export const temporary = (): { readonly path: string; readonly [Symbol.dispose]: () => void } => {
  const path = mkdtempSync(join(tmpdir(), "oci-test-"))
  return { path, [Symbol.dispose]: () => remove(path) }
}

/** rm(1) where Node gives up: what is there may be deeper than a path is long, or must not be written to. */
const remove = (path: string): void => {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    execFileSync("chmod", ["-R", "u+rwX", path])
    execFileSync("rm", ["-rf", path])
  }
}

export class LayoutWriter {
  readonly path: string
  constructor(path: string) {
    this.path = path
    mkdirSync(join(path, "blobs/sha256"), { recursive: true })
  }

  write(name: string, content: string | Uint8Array): void {
    mkdirSync(dirname(join(this.path, name)), { recursive: true })
    writeFileSync(join(this.path, name), content)
  }

  blob(mediaType: string, content: unknown): WrittenDescriptor {
    const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content))
    const digest = sha256(bytes)
    this.write(this.blobPath(digest), bytes)
    return { mediaType, digest, size: bytes.length }
  }

  blobPath(digest: string): string {
    return `blobs/${digest.replace(":", "/")}`
  }

  /** An image of one layer; `config` and `manifest` replace fields of the usual ones. */
  image(config: object = {}, manifest: object = {}, tar: Uint8Array = EMPTY_TAR): WrittenDescriptor {
    const layer = this.blob(`${OCI}.layer.v1.tar+gzip`, gzipSync(tar))
    const image = this.blob(`${OCI}.config.v1+json`, {
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: { Entrypoint: ["/bin/app"] },
      rootfs: { type: "layers", diff_ids: [sha256(tar)] },
      ...config
    })
    return this.blob(MANIFEST, {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: image,
      layers: [layer],
      ...manifest
    })
  }

  named(ref: string, descriptor: WrittenDescriptor): WrittenDescriptor {
    return { ...descriptor, annotations: { "org.opencontainers.image.ref.name": ref } }
  }

  index(...manifests: readonly WrittenDescriptor[]): void {
    this.write("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" }))
    this.write("index.json", JSON.stringify({ schemaVersion: 2, manifests }))
  }
}
