/**
 * Finds the images that a unit may belong to, from the name of the unit. The name does not tell where a domain ends
 * and a path begins, and long names are cut, so the image is one of several, or unknown.
 */
import type { Sha256 } from "../document/Digest.ts"
import { type ImageName, isName } from "./ImageName.ts"
import { fromImage } from "./UnitName.ts"

/** What a unit does for its image. */
export type UnitRole =
  | "service"
  | "prepare"
  | "scratch"
  | "stop"
  | "output"
  | "check"
  | "health"
  | "healthTimer"

/** The parts of a unit's name. */
export interface UnitParts {
  readonly role: UnitRole
  /** The name of the service without `.service`; of other units of a long name, a part of it and a hash. */
  readonly stem: string
  /**
   * Images whose service has this name. The likeliest one is first: its domain has two labels, and its path has no
   * dots.
   */
  readonly candidates: readonly ImageName[]
}

/** Parses the name of a unit of an image; `undefined` for other units. */
export const parse = (unit: string, sha256: Sha256): UnitParts | undefined => {
  const found = UNIT.exec(unit)
  if (found === null) return undefined
  const [, prefix = "", stem = "", type = ""] = found
  const role = prefix === "" ? "service" : prefix === "health" && type === "timer" ? "healthTimer" : prefix
  if (type === "timer" && role !== "healthTimer") return undefined
  if (!stem.includes(".ref.")) return undefined
  return { role: role as UnitRole, stem, candidates: candidates(stem, sha256) }
}

/** Returns the names of images with exactly this stem. The search ends after `MAX_TRIES` names. */
const candidates = (stem: string, sha256: Sha256): readonly ImageName[] => {
  const found: ImageName[] = []
  let tries = 0
  for (let at = stem.lastIndexOf(".ref."); at > 0; at = stem.lastIndexOf(".ref.", at - 1)) {
    const ref = unescape(stem.slice(at + ".ref.".length))
    const parts = stem.slice(0, at).split(".")
    for (const layout of layouts(parts)) {
      if (++tries > MAX_TRIES) return found
      const name = { layout, ref }
      if (isName(name) && fromImage(name, sha256) === stem) found.push(name)
    }
  }
  return found
}

/** Layouts of the parts of a stem: domains of two labels, of one, of three, …; and paths with more and more dots. */
function* layouts(parts: readonly string[]): Generator<string, void, undefined> {
  const lengths = [2, 1, ...parts.keys()].filter((length) => length >= 1 && length <= parts.length)
  for (const labels of new Set([...lengths, parts.length])) {
    const host = hostOf(parts.slice(0, labels))
    const path = parts.slice(labels)
    if (path.length === 0) {
      yield host
      continue
    }
    for (let dots = 0; dots < 2 ** Math.min(path.length - 1, MAX_DOTS); dots++) {
      const joined = path.map(
        (part, index) => (index === 0 ? "/" : (dots >> (index - 1)) & 1 ? "." : "/") + unescape(part)
      )
      yield host + joined.join("")
    }
  }
}

/** The labels come reversed, with a port at the end of the last. */
const hostOf = (labels: readonly string[]): string => {
  const [last = "", ...others] = [...labels].reverse()
  const colon = last.lastIndexOf(":")
  const isPort = colon > 0 && /^[0-9]+$/.test(last.slice(colon + 1))
  const first = isPort && labels.length === 1 ? last : isPort ? last.slice(0, colon) : last
  const port = isPort && labels.length > 1 ? last.slice(colon) : ""
  return [first, ...others].map(unescape).join(".") + port
}

const unescape = (text: string): string => {
  const bytes: number[] = []
  for (let at = 0; at < text.length; at++) {
    const escaped = /^\\x([0-9a-f]{2})/.exec(text.slice(at, at + 4))
    bytes.push(escaped === null ? text.charCodeAt(at) : Number.parseInt(escaped[1] ?? "", 16))
    if (escaped !== null) at += 3
  }
  return new TextDecoder().decode(Uint8Array.from(bytes))
}

const UNIT = /^(?:oci-(prepare|scratch|stop|output|check|health)@)?(.+)\.(service|timer)$/
/** Limits the search, since a hostile name may have hundreds of parts. */
const MAX_TRIES = 256
const MAX_DOTS = 4
