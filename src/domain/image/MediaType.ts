/**
 * What a descriptor's media type says about its blob (image-spec media-types.md; Docker's manifest schema 2; the
 * names of 2016 from before the specification's version 1.0).
 */

export type Compression = "none" | "gzip" | "zstd"

/** The media types of an index, which is a list of manifests. */
const INDEXES: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.list.v1+json"
])

const MANIFESTS: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json"
])

const CONFIGS: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
  "application/vnd.oci.image.serialization.config.v1+json"
])

const LAYERS: ReadonlyMap<string, Compression> = new Map([
  ["application/vnd.oci.image.layer.v1.tar", "none"],
  ["application/vnd.oci.image.layer.v1.tar+gzip", "gzip"],
  ["application/vnd.oci.image.layer.v1.tar+zstd", "zstd"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar", "none"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "gzip"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "zstd"],
  ["application/vnd.docker.image.rootfs.diff.tar", "none"],
  ["application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"],
  ["application/vnd.docker.image.rootfs.diff.tar.zstd", "zstd"],
  ["application/vnd.docker.image.rootfs.foreign.diff.tar", "none"],
  ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "gzip"],
  ["application/vnd.docker.image.rootfs.foreign.diff.tar.zstd", "zstd"],
  ["application/vnd.oci.image.layer.tar", "none"],
  ["application/vnd.oci.image.layer.tar+gzip", "gzip"],
  ["application/vnd.oci.image.serialization.rootfs.tar", "none"],
  ["application/vnd.oci.image.serialization.rootfs.tar.gzip", "gzip"]
])

/** Removes parameters (`; charset=utf-8`) and case, which do not count (RFC 6838). */
const essence = (mediaType: string): string =>
  PLAIN.has(mediaType) ? mediaType : (mediaType.split(";", 1)[0] ?? "").trim().toLowerCase()

/** The common media types in their usual spelling, which need no normalization. */
const PLAIN: ReadonlySet<string> = new Set([...INDEXES, ...MANIFESTS, ...CONFIGS, ...LAYERS.keys()])

export const isIndex = (mediaType: string): boolean => INDEXES.has(essence(mediaType))
export const isManifest = (mediaType: string): boolean => MANIFESTS.has(essence(mediaType))
export const isConfig = (mediaType: string): boolean => CONFIGS.has(essence(mediaType))

/** Returns how a layer of this media type is compressed; `undefined` if it is not a readable layer. */
export const layerCompression = (mediaType: string): Compression | undefined => LAYERS.get(essence(mediaType))

/**
 * Whether a layer of this media type is one of an image, whether it can be read here or not. Artifacts have media types of their
 * own. Without any media type nothing says that the layer is not one.
 */
export const isLayerOfImages = (mediaType: string): boolean => {
  const type = essence(mediaType)
  return type === "" || LAYERS.has(type) || OF_IMAGES.test(type)
}

/**
 * The media types of layers that image-spec and Docker reserve, with whatever form or encryption behind them, and the other forms
 * in which registries keep root filesystems.
 */
const OF_IMAGES =
  /^application\/vnd\.(?:oci\.image\.(?:layer|serialization\.rootfs)|docker\.image\.rootfs)\.|[+.]encrypted\b|\b(?:squashfs|erofs|estargz)\b/

/**
 * Returns why a layer of this media type cannot be read, as a clause that follows the layer's name; `undefined` if it
 * can be read.
 */
export const layerProblem = (mediaType: string): string | undefined => {
  const type = essence(mediaType)
  if (LAYERS.has(type)) return undefined
  const shown = JSON.stringify(mediaType)
  if (/[+.]encrypted\b/.test(type)) return `of type ${shown}, which is encrypted`
  const other = OTHER_FORMS.exec(type)?.[0]
  return other === undefined
    ? `of type ${shown}, which is unknown`
    : `of type ${shown}, and ${other} cannot be read: tar archives can, plain or compressed with gzip or zstd`
}

/** Other formats that some registries use for layers. */
const OTHER_FORMS = /\b(?:xz|bzip2|bz2|lzma|lz4|squashfs|erofs|estargz|wasm)\b/

/**
 * Whether a layout may leave this layer out. Such a layer may be fetched from its URLs only by those who have the
 * right to.
 */
export const isForeign = (mediaType: string): boolean =>
  /\.(?:nondistributable|foreign)\./.test(essence(mediaType))
