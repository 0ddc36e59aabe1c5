/**
 * The drop-in of the configuration by which `oci-systemd enable` enables an image, one file an image:
 *
 *     # Made by oci-systemd enable …
 *     [image LAYOUT:REF]
 *     wantedby = UNIT …
 *
 * What enables a generated unit has to be there when units are generated: the configuration is, it survives every reload
 * and boot, `inspect` names its lines, and whoever reads it sees what is so and why.
 */
import type { Sha256 } from "../document/Digest.ts"
import * as ExtractsTree from "../extracts/ExtractsTree.ts"
import { display, type ImageName } from "../naming/ImageName.ts"

/** In a directory of drop-ins. No two images share one. */
export const nameOf = (image: ImageName, sha256: Sha256): string =>
  `${PREFIX}${ExtractsTree.component(display(image), sha256)}.conf`

/** Is it the name of one, whatever image it is of? */
export const isName = (name: string): boolean => name.startsWith(PREFIX) && name.endsWith(".conf")

export const render = (image: ImageName, units: readonly string[]): string =>
  `${MADE_BY}
[image ${display(image)}]
wantedby = ${units.join(" ")}
`

/** Is it as `render` makes it, for whatever units? */
export const isOurs = (image: ImageName, text: string): boolean => {
  const [, units = ""] = /\nwantedby = ([^\n]*)\n$/.exec(text) ?? []
  return text === render(image, units.split(" "))
}

/** Why no file can name this image, and no other. */
export const fault = (image: ImageName): string | undefined => {
  const name = display(image)
  if (name.includes("*")) return 'holds "*", which stands for any text in a section of the configuration'
  return name.trim() !== name || ODD.test(name)
    ? "holds characters that a section of the configuration cannot have"
    : undefined
}

const PREFIX = "50-enabled-"
const MADE_BY = "# Made by oci-systemd enable: oci-systemd disable takes it away."
/** A section ends at the first bracket, and a line where it ends. */
const ODD = /[\]\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufffd]/u
