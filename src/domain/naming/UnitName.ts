/**
 * The names of an image's units.
 *
 *     unit     = stem ".service"                   at most 253 bytes, so that `unit.d/` can exist (NAME_MAX is 255)
 *     stem     = domain *( "." component ) ".ref." ref
 *     domain   = the layout's first component, its dot-separated labels reversed, a port kept last
 *     escaped  = bytes outside [A-Za-z0-9:_.-] and a leading "." or "-" as `\xNN`, as systemd-escape(1) writes them; a
 *                leading "-" would be an option to programs that are given the name
 *
 * `myorg.com/myapp:stable` → `com.myorg.myapp.ref.stable.service`. See systemd.unit(5) for what a name may hold.
 */
import type { Sha256 } from "../document/Digest.ts"
import { display, type ImageName } from "./ImageName.ts"

/** NAME_MAX without the `.d` of a drop-in directory. */
export const MAX_UNIT_BYTES = 253
const MAX_STEM = MAX_UNIT_BYTES - ".service".length

/** How many hex digits of SHA-256 make a shortened or colliding name unique: first 64 bits, then all 256. */
const HASH_DIGITS = 16
const FULL_HASH_DIGITS = 64

const PREPARE_PREFIX = "oci-prepare@"
const CHECK_PREFIX = "oci-check@"
const OUTPUT_PREFIX = "oci-output@"
const HEALTH_PREFIX = "oci-health@"
const SCRATCH_PREFIX = "oci-scratch@"
const STOP_PREFIX = "oci-stop@"

/** The stem of an image, and the other images that would have had the same one. */
export interface Assigned<A extends ImageName = ImageName> {
  /** The item that was passed in, with its name and everything else that it carries. */
  readonly image: A
  /** The service's name without `.service`. */
  readonly stem: string
  /** The other items with the same stem, at most `MAX_PARTNERS` of them. */
  readonly collidesWith: readonly A[]
}

/** Returns the stem of an image whose name collides with no other. */
export const fromImage = (image: ImageName, sha256: Sha256): string => {
  const [host = "", ...path] = image.layout.split("/")
  const stem = [reverseDomain(host), ...path.map(escape), "ref", escape(image.ref)].join(".")
  return shorten(stem.replace(/^[.-]/, escapeByte), MAX_STEM, sha256)
}

/** Returns the name of the service. */
export const service = (stem: string): string => `${stem}.service`

/**
 * Returns the name of the oneshot that makes the root ready. It is an instance, so that `oci-prepare@.service.d`
 * holds drop-ins for all.
 *
 * @internal
 */
export const prepare = (stem: string, sha256: Sha256): string => instance(PREPARE_PREFIX, stem, sha256)

/**
 * Returns the name of the unit that is active as long as an ephemeral root exists, and then removes what was written
 * there.
 *
 * @internal
 */
export const scratch = (stem: string, sha256: Sha256): string => instance(SCRATCH_PREFIX, stem, sha256)

/** Returns the name of the unit that stops the service, and waits for its end. @internal */
export const stop = (stem: string, sha256: Sha256): string => instance(STOP_PREFIX, stem, sha256)

/** Returns the name of the oneshot that runs a health check once. @internal */
export const check = (stem: string, sha256: Sha256): string => instance(CHECK_PREFIX, stem, sha256)

/** Returns the name of the service that copies the image's output to the journal. @internal */
export const output = (stem: string, sha256: Sha256): string => instance(OUTPUT_PREFIX, stem, sha256)

/**
 * Returns the name of the service that repeats the checks, and is failed while the image is unhealthy, or of its
 * timer.
 *
 * @internal
 */
export const health = (stem: string, type: "service" | "timer", sha256: Sha256): string =>
  instance(HEALTH_PREFIX, stem, sha256, type)

/** The names of an image's units. */
export type UnitNames = {
  readonly service: string
  readonly prepare: string
  readonly scratch: string
  readonly output: string
  readonly stop: string
  readonly check: string
  readonly health: string
  readonly healthTimer: string
}

/** Returns the names of all units of an image. */
export const all = (stem: string, sha256: Sha256): UnitNames => ({
  service: service(stem),
  prepare: prepare(stem, sha256),
  scratch: scratch(stem, sha256),
  output: output(stem, sha256),
  stop: stop(stem, sha256),
  check: check(stem, sha256),
  health: health(stem, "service", sha256),
  healthTimer: health(stem, "timer", sha256)
})

const instance = (prefix: string, stem: string, sha256: Sha256, type = "service"): string =>
  `${prefix}${shorten(stem, MAX_STEM - prefix.length, sha256)}.${type}`

/** Returns the mount unit of an absolute path, as `systemd-escape --path --suffix=mount` prints it. @internal */
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

/** The service that looks for images once the file systems of the boot are mounted. */
export const LAYOUTS = "oci-layouts.service"

/** The service that looks for images behind automounts. Looking there triggers the mount. */
export const LAYOUTS_AUTOMOUNTED = "oci-layouts-automounted.service"
/** The service that makes the generator's memory for the next boot. */
export const REMEMBER_SERVICE = "oci-remember.service"

/** The timer that starts `REMEMBER_SERVICE` once nothing changes any more. */
export const REMEMBER_TIMER = "oci-remember.timer"

/** The path unit that sees that units have changed, and starts the timer anew. */
export const REMEMBER_PATH = "oci-remember.path"

/** Returns the service that looks for images once the mount unit `mount` is active. */
export const layoutsOn = (mount: string): string => `oci-layouts@${mount.replace(/\.mount$/, "")}.service`

/**
 * Returns a directory name for a stem, at most `maxBytes` long, that needs no escaping in unit names, mount options
 * or shells: letters, digits, dots and underscores. Two stems never share one, because a stem that already ends like
 * a hash gets a hash as well.
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

/** Escapes a text as part of a unit name. `-` stays as it is, because it has a meaning only in paths. */
export const escape = (text: string): string => escapeBytes(text, ESCAPED_IN_NAMES)

/**
 * Gives each image a stem of its own. Images with equal stems each get a hash of their full name at the end, and the
 * order of the images has no influence on the result.
 */
export const assign = <A extends ImageName>(images: readonly A[], sha256: Sha256): readonly Assigned<A>[] => {
  const base = images.map((image) => fromImage(image, sha256))
  const stems = [...base]
  const suffixes = images.map(() => 0)
  const partners = images.map(() => new Set<A>())
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

/**
 * Returns all stems that an image may have or have had, alone or among images with the same stem. Its data may lie
 * under any of them.
 *
 * @internal
 */
export const possible = (image: ImageName, sha256: Sha256): readonly string[] => {
  const base = fromImage(image, sha256)
  return [base, ...[1, 2].map((round) => toldApart(base, image, round, sha256))]
}

/** Appends a short hash in the first round, and a whole one from the second round on. */
const toldApart = (base: string, image: ImageName, round: number, sha256: Sha256): string => {
  const hash = sha256(`${round} ${image.layout.length} ${display(image)}`)
  const digits = round === 1 ? HASH_DIGITS : FULL_HASH_DIGITS
  return `${cut(base, MAX_STEM - digits - 1)}-${hash.slice(0, digits)}`
}

/** How many colliding images a message lists. An attacker can make any number of images collide. */
const MAX_PARTNERS = 16

/** Groups the indexes of equal texts. */
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

/**
 * Shortens a long name to a readable head and a hash of the whole. A name that looks shortened gets a hash as well,
 * so no two share one.
 */
const shorten = (name: string, max: number, sha256: Sha256): string =>
  name.length <= max && !(name.length > max - MAX_ESCAPE && SHORTENED.test(name))
    ? name
    : `${cut(name, max - HASH_DIGITS - 1)}-${sha256(name).slice(0, HASH_DIGITS)}`

/** Returns the first `max` bytes, without half an escape at the end. */
const cut = (name: string, max: number): string =>
  name.length <= max ? name : name.slice(0, max).replace(/\\x?[0-9a-f]?$/, "")

const escapeBytes = (text: string, escaped: RegExp): string => {
  if (!escaped.test(text)) return text
  let result = ""
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte)
    result += escaped.test(character) ? escapeByte(character) : character
  }
  return result
}

const escapeByte = (character: string): string =>
  `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`

/** The characters that systemd accepts in a unit's name before the type. @internal */
export const UNIT_NAME = /^(?!\.)[A-Za-z0-9:_.\\@-]+$/
const ESCAPED_IN_NAMES = /[^A-Za-z0-9:_.-]/
const ESCAPED_IN_PATHS = /[^A-Za-z0-9:_.]/
const ENDS_IN_HASH = /_[0-9a-f]{16}$/
/** The end that `shorten` gives a name. `shorten` cuts off less than one escape more than it must. */
const SHORTENED = /-[0-9a-f]{16}$/
const MAX_ESCAPE = "\\xNN".length
const PLAIN_DIRECTORY = /^[A-Za-z0-9_][A-Za-z0-9_.]*$/
const NOT_PLAIN = /[^A-Za-z0-9_.]/g
