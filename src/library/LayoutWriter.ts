/** Writes image layouts, for tools and tests: a program can make an image of a binary or of a directory (image-spec image-layout.md). */
import { createHash, randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import * as zlib from "node:zlib"
import type { Digest } from "../domain/document/Digest.ts"
import { type Descriptor, REF_NAME } from "../domain/image/Descriptor.ts"
import type { ProcessConfig } from "../domain/image/ImageConfig.ts"
import * as Platform from "../domain/image/Platform.ts"
import { TaggedError } from "../domain/text/TaggedError.ts"
import * as HostFacts from "../services/host/HostFacts.ts"
import { type NewMember, write } from "../services/layer/LayerArchiveWriter.ts"

/** A layout that images can be added to. One program at a time may write a layout. */
export interface LayoutWriter {
  readonly directory: string
  /** Writes a layer of these members. Images can have it in common. */
  readonly layer: (members: Members) => Promise<WrittenLayer>
  /** Writes an image. It takes the place of one with the same reference and platform. Returns the descriptor of its manifest. */
  readonly image: (image: NewImage) => Promise<Descriptor>
}

/** The members of a layer: see `Layer.file` and `Layer.ofDirectory`. */
export type Members = AsyncIterable<NewMember> | Iterable<NewMember>

/** A layer in a layout. */
export interface WrittenLayer {
  readonly descriptor: Descriptor
  /** The digest of the uncompressed archive. */
  readonly diffId: Digest
}

/** An image to be written. */
export interface NewImage {
  /** Its name in the layout: `v1`. */
  readonly ref: string
  /** The lowest is the first; there is at least one. */
  readonly layers: ReadonlyArray<WrittenLayer | Members>
  /** How its process runs: `Entrypoint`, `Cmd`, `Env`, `User`, … (image-spec config.md). */
  readonly config?: ProcessConfig
  /** The platform of its programs; by default this machine's. */
  readonly platform?: Platform.PlatformName
  /** Annotations of the manifest. */
  readonly annotations?: Readonly<Record<string, string>>
}

/** The layout cannot be written. */
export class LayoutUnwritable extends TaggedError("LayoutUnwritable")<{
  readonly path: string
  /** A clause that follows the path. */
  readonly reason: string
  /** The system's error name, `ENOSPC`, if a system call failed. */
  readonly code?: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `the layout ${this.path} ${this.reason}`
  }
}

/** Makes the layout, or opens one that is there. Promises reject with `LayoutUnwritable`, and with what members throw. */
export const open = async (directory: string): Promise<LayoutWriter> => {
  const blobs = `${directory}/blobs/sha256`
  await writing(directory, async () => {
    await fs.promises.mkdir(blobs, { recursive: true })
    await fs.promises.writeFile(`${directory}/oci-layout`, JSON.stringify({ imageLayoutVersion: "1.0.0" }))
    if (!fs.existsSync(`${directory}/index.json`))
      await writeIndex(directory, { schemaVersion: 2, manifests: [] })
  })

  const document = async (mediaType: string, value: unknown): Promise<Descriptor> => {
    const bytes = Buffer.from(JSON.stringify(value))
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest
    await writing(directory, () => replace(`${blobs}/${digest.slice("sha256:".length)}`, bytes))
    return { mediaType, digest, size: bytes.length }
  }

  const layer = async (members: Members): Promise<WrittenLayer> => {
    const temporary = `${blobs}/.${randomBytes(8).toString("hex")}`
    const [compressed, plain] = [createHash("sha256"), createHash("sha256")]
    let size = 0
    try {
      await writing(directory, () =>
        pipeline(
          Readable.from(write(members), { objectMode: false }),
          async function* (chunks: AsyncIterable<Buffer>) {
            for await (const chunk of chunks) {
              plain.update(chunk)
              yield chunk
            }
          },
          zlib.createGzip(),
          async function* (chunks: AsyncIterable<Buffer>) {
            for await (const chunk of chunks) {
              compressed.update(chunk)
              size += chunk.length
              yield chunk
            }
          },
          fs.createWriteStream(temporary, { flags: "wx" })
        )
      )
      const hex = compressed.digest("hex")
      await writing(directory, () => fs.promises.rename(temporary, `${blobs}/${hex}`))
      return {
        descriptor: { mediaType: LAYER, digest: `sha256:${hex}` as Digest, size },
        diffId: `sha256:${plain.digest("hex")}` as Digest
      }
    } catch (cause) {
      await fs.promises.rm(temporary, { force: true })
      throw cause
    }
  }

  const image = async ({ annotations, config, layers, platform, ref }: NewImage): Promise<Descriptor> => {
    if (ref === "")
      throw new LayoutUnwritable({ path: directory, reason: "gets an image without a reference" })
    if (layers.length === 0)
      throw new LayoutUnwritable({ path: directory, reason: "gets an image without a layer" })
    const host = HostFacts.platform()
    const { os, architecture, variant } = platform ?? { ...host, variant: undefined }
    const named = { os, architecture, ...(variant === undefined ? {} : { variant }) }
    const written: Array<WrittenLayer> = []
    for (const each of layers) written.push("diffId" in each ? each : await layer(each))
    const manifest = await document(MANIFEST, {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: await document(CONFIG, {
        ...named,
        ...(config === undefined ? {} : { config }),
        rootfs: { type: "layers", diff_ids: written.map(({ diffId }) => diffId) }
      }),
      layers: written.map(({ descriptor }) => descriptor),
      ...(annotations === undefined ? {} : { annotations })
    })
    const entry = { ...manifest, platform: named, annotations: { [REF_NAME]: ref } }
    await writing(directory, async () => {
      const index = JSON.parse(await fs.promises.readFile(`${directory}/index.json`, "utf8")) as Index
      const others = index.manifests.filter(
        (other) =>
          other.annotations?.[REF_NAME] !== ref ||
          (other.platform !== undefined && Platform.display(other.platform) !== Platform.display(named))
      )
      await writeIndex(directory, { ...index, manifests: [...others, entry] })
    })
    return manifest
  }

  return { directory, layer, image }
}

interface Index {
  readonly schemaVersion: number
  readonly manifests: ReadonlyArray<{
    readonly platform?: Platform.PlatformName
    readonly annotations?: Readonly<Record<string, string>>
  }>
}

const writeIndex = (directory: string, index: Index): Promise<void> =>
  replace(`${directory}/index.json`, Buffer.from(JSON.stringify(index)))

/** Writes a file beside its place, so that what is there is always whole. */
const replace = async (path: string, bytes: Uint8Array): Promise<void> => {
  const temporary = `${path}.${randomBytes(8).toString("hex")}`
  try {
    await fs.promises.writeFile(temporary, bytes, { flag: "wx" })
    await fs.promises.rename(temporary, path)
  } catch (cause) {
    await fs.promises.rm(temporary, { force: true })
    throw cause
  }
}

/** Makes a typed error of what the system refuses. */
const writing = async <A>(path: string, body: () => Promise<A>): Promise<A> => {
  try {
    return await body()
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException
    if (code === undefined || syscall === undefined) throw cause
    throw new LayoutUnwritable({ path, reason: `cannot be written: ${code}`, code, cause })
  }
}

const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
const CONFIG = "application/vnd.oci.image.config.v1+json"
const MANIFEST = "application/vnd.oci.image.manifest.v1+json"
