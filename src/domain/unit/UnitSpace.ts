/**
 * Limits the space of units. The generator's directory is memory that all of `/run` shares, and authors of
 * images decide how long their units are and how many there are. There is a limit for all images together, and
 * one for each layout.
 */
import type { SystemSettings } from "../settings/SystemSettings.ts"
import type { UnitLink } from "./Enabling.ts"
import type { UnitFile } from "./UnitFile.ts"

type Limits = Pick<SystemSettings, "maxunitbytes" | "maxlayoutunitbytes">

interface Units {
  readonly files: readonly UnitFile[]
  readonly links: readonly UnitLink[]
}

export class UnitSpace {
  readonly #limits: Limits
  readonly #ofLayouts = new Map<string, number>()
  #ofAll = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /**
   * Takes the space that an image's units need, or returns a clause that says why there is not enough. A part
   * of all space is reserved for stubs, which report that about an image.
   */
  take(layout: string, units: Units, kind: "units" | "stub"): string | undefined {
    const { maxlayoutunitbytes, maxunitbytes } = this.#limits
    const size = sizeOf(units)
    const ofLayout = (this.#ofLayouts.get(layout) ?? 0) + size
    const ofAll = this.#ofAll + size
    const share = kind === "stub" ? 1 : SHARE
    if (ofLayout > maxlayoutunitbytes * share)
      return `the units of its layout would take up too much memory (maxlayoutunitbytes = ${maxlayoutunitbytes})`
    if (ofAll > maxunitbytes * share)
      return `the units of all images would take up too much memory (maxunitbytes = ${maxunitbytes})`
    this.#ofLayouts.set(layout, ofLayout)
    this.#ofAll = ofAll
    return undefined
  }
}

/** Estimates the space of units in a tmpfs: whole pages, and something for each name. @internal */
export const sizeOf = ({ files, links }: Units): number => {
  let size = links.length * NAME
  for (const { comments, sections } of files) {
    let length = 0
    for (const comment of comments) length += lengthOf(comment)
    for (const { directives } of sections) {
      for (const { key, value } of directives) length += key.length + lengthOf(value)
    }
    size += NAME + Math.ceil((length + 1) / PAGE) * PAGE
  }
  return size
}

/** Returns the length in bytes. Short texts, of which there are many, count as if they were ASCII. */
const lengthOf = (text: string): number =>
  2 + (text.length > LONG ? new TextEncoder().encode(text).length : text.length)

const SHARE = 3 / 4
const PAGE = 4096
const NAME = 1024
const LONG = 256
