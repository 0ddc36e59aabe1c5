/**
 * Where things are below the extracts directory, as relative paths:
 *
 *     format                              the number of this form (`FORMAT`)
 *     roots/sha256/ba/baabaab…            the root of a layer chain, written out as a directory; or a link to where its image
 *                                         is mounted
 *     images/sha256/ba/baabaab…/          the root as an EROFS image, which this machine mounts on `root` in it when the
 *                                         root is needed first after a boot
 *     layers/sha256/c4/c4ff93d….tar       a layer's archive, decompressed, by diff id, which is the file's SHA-256
 *     layers/sha256/c4/c4ff93d….listing   what is in it, and where (`ListingFile`)
 *     records/sha256/ba/baabaab….json     how a root was made
 *     configs/sha256/ea/ea7beef…          an image config
 *     facts/sha256/ea/ea7beef…-5d41….json  what units need to know about its root, for one user and program
 *     names/LAYOUT/REF/{config,rootfs}    relative links to the two
 *     scratch/NAME/{upper,work}           for an overlay
 *     templates/NAME/5f70bf18…/           what such a scratch is copied from
 *     locks/sha256-baabaab…  tmp/…        locks and files of extractions under way
 *     memory/                             what the generator remembers for the next boot
 *
 * Layouts and references are other people's strings. As a path component each is escaped, injectively:
 *
 *     byte-safe characters     themselves
 *     controls, "/" and "%"    "%" 2HEXDIG
 *     a leading "."            "%2E"
 *     controls above U+007F    "%u" 4HEXDIG       (lone surrogates too: they have no bytes)
 *     the names of the links   with their first letter escaped
 *     the empty string         "%"
 *     more than 230 bytes      a readable head, "%~", SHA-256 of the whole
 */
import { algorithm, type Digest, encoded, isDigest, type Sha256 } from "../document/Digest.ts"
import type { ImageName } from "../naming/ImageName.ts"

/**
 * The form before this one, which had no file for its number: layers were taken apart into files, and roots in
 * `dirs/chainID` were made of hard links to those.
 */
export const OLD_ROOTS = "dirs/chainID"
export const OLD_TOP = "dirs"
/** The number of this form of the directory. A new form gets a new number. */
export const FORMAT = 2
export const FORMAT_FILE = "format"

/** A private directory of root: the host's users must not reach a setuid file inside. */
export const ROOTS = "roots"
/** Private like `roots`. */
export const LAYERS = "layers"
/** Private like `roots`. */
export const IMAGES = "images"
export const RECORDS = "records"
export const CONFIGS = "configs"
export const FACTS = "facts"
export const NAMES = "names"
/** Private like `roots`: an upper directory holds setuid files too. */
export const SCRATCH = "scratch"
/** Private like `scratch`. */
export const TEMPLATES = "templates"
export const LOCKS = "locks"
export const TMP = "tmp"
/** A private directory for what the generator remembers of its last run. */
export const MEMORY = "memory"

export const CONFIG_LINK = "config"
export const ROOT_LINK = "rootfs"

export const rootOf = (chainId: Digest): string => `${ROOTS}/${sharded(chainId)}`

export const rootImageOf = (chainId: Digest): string => `${IMAGES}/${sharded(chainId)}`

/** Returns where the image at a path is mounted. While it is not mounted, this is an empty directory. */
export const mountOf = (image: string): string => `${image}/root`

export const layerOf = (diffId: Digest): string => `${LAYERS}/${sharded(diffId)}.tar`

export const listingOf = (diffId: Digest): string => `${LAYERS}/${sharded(diffId)}.listing`

/** Whether a root or a layer of an extracts directory has the form before this one. */
export const isOld = (path: string): boolean =>
  path.startsWith(`${OLD_ROOTS}/`) || (path.startsWith(`${LAYERS}/`) && !path.includes("."))

export const recordOf = (chainId: Digest): string => `${RECORDS}/${sharded(chainId)}.json`

export const configOf = (digest: Digest): string => `${CONFIGS}/${sharded(digest)}`

/**
 * Returns the path of an image's facts, by its config and by what is asked: the user it runs as, and more if the configuration
 * changes more of it (`ImageOverrides.question`).
 */
export const factsOf = (config: Digest, question: string, sha256: Sha256): string =>
  `${FACTS}/${sharded(config)}-${sha256(JSON.stringify(question)).slice(0, USER_DIGITS)}.json`

export const lockOf = (chainId: Digest): string => `${LOCKS}/${algorithm(chainId)}-${encoded(chainId)}`

export const layerLockOf = (diffId: Digest): string =>
  `${LOCKS}/layer-${algorithm(diffId)}-${encoded(diffId)}`

export const scratchOf = (name: string, sha256: Sha256): string => `${SCRATCH}/${component(name, sha256)}`

/** Returns the path of a template; `digest` is hex. */
export const templateOf = (name: string, digest: string, sha256: Sha256): string =>
  `${templatesOf(name, sha256)}/${digest.slice(0, TEMPLATE_DIGITS)}`

/** Returns the directory that holds the template of a service. */
export const templatesOf = (name: string, sha256: Sha256): string => `${TEMPLATES}/${component(name, sha256)}`

/** Returns the directory that holds the two links of an image. */
export const nameOf = ({ layout, ref }: ImageName, sha256: Sha256): string => {
  const escaped = layout.split("/").map((part) => component(part, sha256))
  const path = escaped.join("/")
  const head = path.length <= LAYOUT_MAX ? path : hashed(escaped.join("%2F"), layout, sha256)
  return `${NAMES}/${head}/${component(ref, sha256)}`
}

/** Returns the image of a directory made by `nameOf`, unless names in it are shortened. */
export const imageOf = (path: string, sha256: Sha256): ImageName | undefined => {
  const [top, ...components] = path.split("/")
  const parts = components.map(decoded)
  const ref = parts.pop()
  const name = { layout: parts.join("/"), ref: ref ?? "" }
  return top === NAMES && parts.length > 0 && !components.some(isHashed) && nameOf(name, sha256) === path
    ? name
    : undefined
}

/** Returns the target of a link in the directory `from` that leads to `to`. */
export const linkTarget = (from: string, to: string): string => "../".repeat(from.split("/").length) + to

/** Encodes any string as one path component. */
export const component = (text: string, sha256: Sha256): string => {
  if (text === "") return "%"
  const escaped = RESERVED.has(text)
    ? percent(text.slice(0, 1)) + text.slice(1)
    : PLAIN.test(text)
      ? text
      : text.replace(unsafe(), (character) => percent(character))
  return escaped.length * 3 <= COMPONENT_MAX || utf8Length(escaped) <= COMPONENT_MAX
    ? escaped
    : hashed(escaped, text, sha256)
}

const decoded = (component: string): string =>
  component === "%"
    ? ""
    : component.replace(/%u([0-9A-F]{4})|%([0-9A-F]{2})/g, (_, wide?: string, narrow?: string) =>
        String.fromCharCode(Number.parseInt(wide ?? narrow ?? "", 16))
      )

const isHashed = (component: string): boolean => component.includes("%~")

/** Returns the digest in a path that ends as `rootOf` ends: in an algorithm, two digits, and all digits. */
export const digestIn = (path: string): Digest | undefined => {
  const [, algorithm, hex] = /\/([a-z0-9]+)\/[0-9a-f]{2}\/([0-9a-f]+)$/.exec(path) ?? []
  const digest = `${algorithm}:${hex}`
  return isDigest(digest) ? digest : undefined
}

const sharded = (digest: Digest): string => {
  const hex = encoded(digest)
  return `${algorithm(digest)}/${hex.slice(0, 2)}/${hex}`
}

/** Appends a hash of the string's JSON, in which different lone surrogates stay different. */
const hashed = (escaped: string, text: string, sha256: Sha256): string => {
  const head = Array.from(escaped.slice(0, HEAD))
  while (utf8Length(head.join("")) > HEAD) head.pop()
  return `${head.join("").replace(CUT_ESCAPE, "")}%~${sha256(JSON.stringify(text))}`
}

const percent = (character: string): string => {
  const code = character.charCodeAt(0)
  return code < 0x80 ? `%${hex(code, 2)}` : `%u${hex(code, 4)}`
}

const hex = (code: number, digits: number): string => code.toString(16).toUpperCase().padStart(digits, "0")

const utf8Length = (text: string): number => new TextEncoder().encode(text).length

const RESERVED: ReadonlySet<string> = new Set([CONFIG_LINK, ROOT_LINK])
/**
 * Matches the characters that are escaped in a file name. `\p{Cs}` matches lone surrogates only. The expression is
 * only compiled where it is needed.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unsafe = () => /^\.|[\u0000-\u001f\u007f-\u009f%/]|\p{Cs}/gu
/** Components without any unsafe character, which are the most common. */
const PLAIN = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/
/** An escape that was cut in two. */
const CUT_ESCAPE = /%[0-9A-Fu]{0,4}$|[\ud800-\udbff]$/
/**
 * The longest component, since NAME_MAX is 255. The directory names of `RootPaths` (220 bytes and less) must never be
 * changed.
 */
const COMPONENT_MAX = 230
/** The longest path of a layout, since PATH_MAX is 4096 for the whole path. */
const LAYOUT_MAX = 2000
/** Hex digits of the hash of a user. There are never many users. */
const USER_DIGITS = 16
/** Hex digits of the hash of everything that a template is made from. */
const TEMPLATE_DIGITS = 32
/** How many readable bytes precede a hash. */
const HEAD = 100
