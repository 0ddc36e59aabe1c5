/**
 * Where things are below the extracts directory, as relative paths:
 *
 *     dirs/chainID/sha256/ba/baabaab…     the root of a layer chain
 *     layers/sha256/c4/c4ff93d…           a layer taken apart, by diff id: its files have further names in the roots
 *     records/sha256/ba/baabaab….json     what there is to say of how a root was made
 *     configs/sha256/ea/ea7beef…          an image config
 *     facts/sha256/ea/ea7beef…-5d41….json  what units must say of its root, for one user
 *     names/LAYOUT/REF/{config,rootfs}    relative links to the two
 *     scratch/NAME/{upper,work}           for an overlay
 *     templates/NAME/5f70bf18…/           what such a scratch is copied from
 *     locks/sha256-baabaab…  tmp/…        of extractions under way
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
import { algorithm, type Digest, encoded, type Sha256 } from "../document/Digest.ts"
import type { ImageName } from "../naming/ImageName.ts"

/** Private to root: a setuid file inside must not be reachable for the host's users. */
export const DIRS = "dirs"
/** Private like `dirs`. */
export const LAYERS = "layers"
export const RECORDS = "records"
export const CONFIGS = "configs"
export const FACTS = "facts"
export const NAMES = "names"
/** Private like `dirs`: an upper directory holds setuid files too. */
export const SCRATCH = "scratch"
/** Private like `scratch`. */
export const TEMPLATES = "templates"
export const LOCKS = "locks"
export const TMP = "tmp"

export const CONFIG_LINK = "config"
export const ROOT_LINK = "rootfs"

export const rootOf = (chainId: Digest): string => `${DIRS}/chainID/${sharded(chainId)}`

export const layerOf = (diffId: Digest): string => `${LAYERS}/${sharded(diffId)}`

export const recordOf = (chainId: Digest): string => `${RECORDS}/${sharded(chainId)}.json`

export const configOf = (digest: Digest): string => `${CONFIGS}/${sharded(digest)}`

/** What an image's unit must say of its root, by its config and the user it runs as, which may be the configuration's. */
export const factsOf = (config: Digest, user: string, sha256: Sha256): string =>
  `${FACTS}/${sharded(config)}-${sha256(JSON.stringify(user)).slice(0, USER_DIGITS)}.json`

export const lockOf = (chainId: Digest): string => `${LOCKS}/${algorithm(chainId)}-${encoded(chainId)}`

export const layerLockOf = (diffId: Digest): string =>
  `${LOCKS}/layer-${algorithm(diffId)}-${encoded(diffId)}`

export const scratchOf = (name: string, sha256: Sha256): string => `${SCRATCH}/${component(name, sha256)}`

/** `digest` is hex. */
export const templateOf = (name: string, digest: string, sha256: Sha256): string =>
  `${TEMPLATES}/${component(name, sha256)}/${digest.slice(0, TEMPLATE_DIGITS)}`

/** The directory that holds the two links. */
export const nameOf = ({ layout, ref }: ImageName, sha256: Sha256): string => {
  const escaped = layout.split("/").map((part) => component(part, sha256))
  const path = escaped.join("/")
  const head = path.length <= LAYOUT_MAX ? path : hashed(escaped.join("%2F"), layout, sha256)
  return `${NAMES}/${head}/${component(ref, sha256)}`
}

/** The image of a directory that `nameOf` gives, where its names are not shortened. */
export const imageOf = (path: string, sha256: Sha256): ImageName | undefined => {
  const [top, ...components] = path.split("/")
  const parts = components.map(decoded)
  const ref = parts.pop()
  const name = { layout: parts.join("/"), ref: ref ?? "" }
  return top === NAMES && parts.length > 0 && !components.some(isHashed) && nameOf(name, sha256) === path
    ? name
    : undefined
}

/** What a link in the directory `from` says to lead to `to`. */
export const linkTarget = (from: string, to: string): string => "../".repeat(from.split("/").length) + to

/** One path component that stands for any string, whatever it holds. */
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

const sharded = (digest: Digest): string => {
  const hex = encoded(digest)
  return `${algorithm(digest)}/${hex.slice(0, 2)}/${hex}`
}

/** The hash is of the JSON form, where lone surrogates are told apart. */
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
/** What cannot or should not be in a file name as it is; `\p{Cs}` matches lone surrogates only, and is looked up only where it may be. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unsafe = () => /^\.|[\u0000-\u001f\u007f-\u009f%/]|\p{Cs}/gu
/** Nothing of it is unsafe, and it is most of what there is. */
const PLAIN = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/
/** An escape that the cut went through. */
const CUT_ESCAPE = /%[0-9A-Fu]{0,4}$|[\ud800-\udbff]$/
/** NAME_MAX is 255. The directory names of `RootPaths` (220 and less) must stay what they are. */
const COMPONENT_MAX = 230
/** PATH_MAX is 4096 for the whole path. */
const LAYOUT_MAX = 2000
/** Of the hash of a user: there are never many. */
const USER_DIGITS = 16
/** Of the hash of all that a template follows from. */
const TEMPLATE_DIGITS = 32
/** Readable bytes before a hash. */
const HEAD = 100
