/**
 * The drop-in of the configuration with which `oci-systemd enable` enables an image, one file for each image:
 *
 *     # Made by oci-systemd enable …
 *     [image LAYOUT:REF]
 *     wantedby = UNIT …
 *
 * A generated unit can be enabled only while units are generated. The configuration is read then, it survives every
 * reload and boot, `inspect` names its lines, and an administrator who reads it sees what is enabled and why.
 */
import type { Sha256 } from "../document/Digest.ts"
import * as ExtractsTree from "../extracts/ExtractsTree.ts"
import { display, type ImageName } from "../naming/ImageName.ts"
import * as ImagePattern from "../naming/ImagePattern.ts"

/** Returns the file's name in a directory of drop-ins. Two images never share one. */
export const nameOf = (image: ImageName, sha256: Sha256): string =>
  `${PREFIX}${ExtractsTree.component(display(image), sha256)}.conf`

/** Whether a file name belongs to such a drop-in, for any image. */
export const isName = (name: string): boolean => name.startsWith(PREFIX) && name.endsWith(".conf")

export const render = (image: ImageName, units: readonly string[]): string =>
  `${MADE_BY}
[image ${display(image)}]
wantedby = ${units.join(" ")}
`

/** Whether a text is what `render` writes for the image, with any units. */
export const isOurs = (image: ImageName, text: string): boolean => {
  const [, units = ""] = /\nwantedby = ([^\n]*)\n$/.exec(text) ?? []
  return text === render(image, units.split(" "))
}

/** Returns why no file can name this image and only this image; `undefined` if one can. */
export const fault = (image: ImageName): string | undefined => {
  const name = display(image)
  if (!ImagePattern.matches(name, image))
    return "has a layout with colons, which cannot be told from the colon before the reference"
  if (name.includes("*")) return 'holds "*", which stands for any text in a section of the configuration'
  return name.trim() !== name || ODD.test(name)
    ? "holds characters that a section of the configuration cannot have"
    : undefined
}

const PREFIX = "50-enabled-"
const MADE_BY = "# Made by oci-systemd enable: oci-systemd disable takes it away."
/**
 * Matches characters that a section cannot contain: a section ends at the first bracket, and a line at a line break.
 */
const ODD = /[\]\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufffd]/u
