/**
 * The names of an image's units.
 *
 *     unit     = stem ".service"                   at most 253 bytes, so that `unit.d/` can exist (NAME_MAX is 255)
 *     stem     = domain *( "." component ) ".ref." ref
 *     domain   = the layout's first component, its dot-separated labels reversed, a port kept last
 *     escaped  = bytes outside [A-Za-z0-9:_.-] and a leading "." as `\xNN`, as systemd-escape(1) writes them
 *
 * `myorg.com/myapp:stable` → `com.myorg.myapp.ref.stable.service`. See systemd.unit(5) for what a name may hold.
 */
import type { Sha256 } from "../document/Digest.ts"
import { display, type ImageName } from "./ImageName.ts"

/** NAME_MAX less `.d`. */
export const MAX_UNIT_BYTES = 253
const MAX_STEM = MAX_UNIT_BYTES - ".service".length

/** Hex digits of SHA-256 that make a shortened or colliding name unique: 64 bits, then all there are. */
const HASH_DIGITS = 16
const FULL_HASH_DIGITS = 64

const PREPARE_PREFIX = "oci-prepare@"
const CHECK_PREFIX = "oci-check@"
const OUTPUT_PREFIX = "oci-output@"
const HEALTH_PREFIX = "oci-health@"
const SCRATCH_PREFIX = "oci-scratch@"

/** What an image's units are called, and with which other images it would have shared its name. */
export interface UnitNames {
  readonly image: ImageName
  /** The service's name without `.service`. */
  readonly stem: string
  /** Some, where there are many. */
  readonly collidesWith: readonly ImageName[]
}

/** The stem that an image has when it is alone. */
export const fromImage = (image: ImageName, sha256: Sha256): string => {
  const [host = "", ...path] = image.layout.split("/")
  const stem = [reverseDomain(host), ...path.map(escape), "ref", escape(image.ref)].join(".")
  return shorten(stem.startsWith(".") ? `\\x2e${stem.slice(1)}` : stem, MAX_STEM, sha256)
}

/** The service of a stem. */
export const service = (stem: string): string => `${stem}.service`

/** The oneshot that makes the root ready. An instance, so that drop-ins for all are in `oci-prepare@.service.d`. @internal */
export const prepare = (stem: string, sha256: Sha256): string => instance(PREPARE_PREFIX, stem, sha256)

/** The unit that lasts as long as an ephemeral root, and removes what was written there. @internal */
export const scratch = (stem: string, sha256: Sha256): string => instance(SCRATCH_PREFIX, stem, sha256)

/** The oneshot that is a health check. @internal */
export const check = (stem: string, sha256: Sha256): string => instance(CHECK_PREFIX, stem, sha256)

/** What reads the image's output into the journal. @internal */
export const output = (stem: string, sha256: Sha256): string => instance(OUTPUT_PREFIX, stem, sha256)

/** What makes checks, and is failed while the image's service is unhealthy; and the timer that starts it. @internal */
export const health = (stem: string, type: "service" | "timer", sha256: Sha256): string =>
  instance(HEALTH_PREFIX, stem, sha256, type)

const instance = (prefix: string, stem: string, sha256: Sha256, type = "service"): string =>
  `${prefix}${shorten(stem, MAX_STEM - prefix.length, sha256)}.${type}`

/** The mount unit of an absolute path: what `systemd-escape --path --suffix=mount` prints. @internal */
export const mount = (path: string): string => {
  const components = path.split("/").filter((component) => component !== "")
  const escaped = components
    .map((component, index) => {
      const bytes = escapeBytes(component, ESCAPED_IN_PATHS)
      return index === 0 && bytes.startsWith(".") ? `\\x2e${bytes.slice(1)}` : bytes
    })
    .join("-")
  return `${escaped === "" ? "-" : escaped}.mount`
}

/** Looks for images once the boot's file systems are mounted. */
export const LAYOUTS = "oci-layouts.service"

/** Looks for images behind automounts, which somebody has to use. */
export const LAYOUTS_AUTOMOUNTED = "oci-layouts-automounted.service"

/** Looks for images once `mount`, a mount unit, is there. */
export const layoutsOn = (mount: string): string => `oci-layouts@${mount.replace(/\.mount$/, "")}.service`

/**
 * A directory name for a stem, at most `maxBytes` long, that needs no escaping in unit names, mount options or
 * shells: letters, digits, dots and underscores. Two stems never share one: whatever ends like a hash has one.
 *
 * @internal
 */
export const directory = (stem: string, maxBytes: number, sha256: Sha256): string =>
  PLAIN_DIRECTORY.test(stem) && !ENDS_IN_HASH.test(stem) && stem.length <= maxBytes
    ? stem
    : `${stem
        .replace(NOT_PLAIN, "_")
        .replace(/^\.+/, "_")
        .slice(0, maxBytes - HASH_DIGITS - 1)}_${sha256(stem).slice(0, HASH_DIGITS)}`

/** Text as part of a unit name. `-` stays: only paths give it a meaning. */
export const escape = (text: string): string => escapeBytes(text, ESCAPED_IN_NAMES)

/**
 * Every image's stem, all different. Images that would share one each get a hash of their own name at its end; which
 * ones does not depend on their order.
 */
export const assign = (images: readonly ImageName[], sha256: Sha256): readonly UnitNames[] => {
  const base = images.map((image) => fromImage(image, sha256))
  const stems = [...base]
  const suffixes = images.map(() => 0)
  const partners = images.map(() => new Set<ImageName>())
  for (;;) {
    const clashes = groups(stems).filter((members) => members.length > 1)
    if (clashes.length === 0) break
    for (const members of clashes) {
      for (const member of members) {
        for (const other of members.slice(0, MAX_PARTNERS + 1)) {
          const image = images[other]
          if (other !== member && image !== undefined) partners[member]?.add(image)
        }
        const image = images[member]
        if (image === undefined) continue
        const round = (suffixes[member] ?? 0) + 1
        suffixes[member] = round
        stems[member] = toldApart(base[member] ?? "", image, round, sha256)
      }
    }
  }
  return images.map((image, index) => ({
    image,
    stem: stems[index] ?? "",
    collidesWith: [...(partners[index] ?? [])]
  }))
}

/** Stems that an image has or had, with and without others that want its name: its data may be in directories of either. @internal */
export const possible = (image: ImageName, sha256: Sha256): readonly string[] => {
  const base = fromImage(image, sha256)
  return [base, ...[1, 2].map((round) => toldApart(base, image, round, sha256))]
}

/** In the first round with a short hash, and from the second on with a whole one. */
const toldApart = (base: string, image: ImageName, round: number, sha256: Sha256): string => {
  const hash = sha256(`${round} ${image.layout.length} ${display(image)}`)
  const digits = round === 1 ? HASH_DIGITS : FULL_HASH_DIGITS
  return `${cut(base, MAX_STEM - digits - 1)}-${hash.slice(0, digits)}`
}

/** So many are told. Of a set that was made to collide, all could not be. */
const MAX_PARTNERS = 16

/** Indexes of equal texts. */
const groups = (texts: readonly string[]): ReadonlyArray<readonly number[]> => {
  const byText = new Map<string, number[]>()
  texts.forEach((text, index) => {
    const members = byText.get(text)
    if (members === undefined) byText.set(text, [index])
    else members.push(index)
  })
  return [...byText.values()]
}

const reverseDomain = (host: string): string => {
  const port = /:[0-9]+$/.exec(host)?.[0] ?? ""
  const labels = host.slice(0, host.length - port.length).split(".")
  return labels.reverse().map(escape).join(".") + port
}

/** A readable head, and a hash of the whole. What looks like a name that was shortened gets one too: no two names share one. */
const shorten = (name: string, max: number, sha256: Sha256): string =>
  name.length <= max && !(name.length > max - MAX_ESCAPE && SHORTENED.test(name))
    ? name
    : `${cut(name, max - HASH_DIGITS - 1)}-${sha256(name).slice(0, HASH_DIGITS)}`

/** The first `max` bytes, without half an escape at the end. */
const cut = (name: string, max: number): string =>
  name.length <= max ? name : name.slice(0, max).replace(/\\x?[0-9a-f]?$/, "")

const escapeBytes = (text: string, escaped: RegExp): string => {
  if (!escaped.test(text)) return text
  let result = ""
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte)
    result += escaped.test(character) ? `\\x${byte.toString(16).padStart(2, "0")}` : character
  }
  return result
}

/** What systemd takes as a unit's name, its type aside. @internal */
export const UNIT_NAME = /^(?!\.)[A-Za-z0-9:_.\\@-]+$/
const ESCAPED_IN_NAMES = /[^A-Za-z0-9:_.-]/
const ESCAPED_IN_PATHS = /[^A-Za-z0-9:_.]/
const ENDS_IN_HASH = /_[0-9a-f]{16}$/
/** What `shorten` ends in. Of the rest it cuts off less than an escape. */
const SHORTENED = /-[0-9a-f]{16}$/
const MAX_ESCAPE = "\\xNN".length
const PLAIN_DIRECTORY = /^[A-Za-z0-9_][A-Za-z0-9_.]*$/
const NOT_PLAIN = /[^A-Za-z0-9_.]/g
