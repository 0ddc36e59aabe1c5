/** The output of `gc` for people. */

import type { GarbageKind, GarbagePiece } from "../../domain/extracts/GarbagePiece.ts"
import * as Printable from "../../domain/text/Printable.ts"
import type { Outcome } from "../../program/garbage/Garbage.ts"
import * as ByteSize from "../text/ByteSize.ts"
import * as Paragraph from "../text/Paragraph.ts"
import * as Style from "../text/Style.ts"

export const render = (outcome: Outcome, width: number): readonly string[] => {
  const { dryRun, freed, held, kept, odd, removed } = outcome
  return [
    ...removed
      .filter(({ kind }) => LISTED.has(kind))
      .map((piece) => line(dryRun ? "would remove" : "removed", "yellow", piece)),
    ...kept.flatMap(({ reason, ...piece }) => [
      line("kept", "green", piece),
      ...Paragraph.wrap(`  ${Printable.line(reason)}`, width, "  ").map((text) => Style.paint("dim", text))
    ]),
    ...held.flatMap(({ image, reason }) =>
      Paragraph.wrap(`everything of ${image} is kept: ${reason}`, width, "  ").map(Printable.line)
    ),
    ...odd.map((path) => `${Style.paint("dim", "kept, not made by this program:")} ${Printable.line(path)}`),
    removed.length === 0
      ? "There is nothing to remove."
      : `${dryRun ? "Would remove" : "Removed"} ${counts(outcome)}: ${Style.paint("bold", ByteSize.render(freed))}${dryRun ? "" : " freed"}.`
  ]
}

const line = (what: string, style: Style.Style, { images = [], kind, path }: GarbagePiece): string => {
  const of = images.length === 0 ? "" : ` of ${images.join(", ")}`
  return `${Style.paint(style, what)} ${kind} ${Printable.line(shown(kind, path) + of)}`
}

/** Prints a digest shortened for people, or a path. */
const shown = (kind: GarbageKind, path: string): string =>
  kind === "root" || kind === "layer" ? path.slice(path.lastIndexOf("/") + 1).slice(0, 12) : path

const counts = ({ removed }: Outcome): string =>
  (Object.keys(NAMES) as GarbageKind[])
    .map((kind) => [removed.filter((piece) => piece.kind === kind).length, NAMES[kind]] as const)
    .filter(([count]) => count > 0)
    .map(([count, [one, several]]) => `${count} ${count === 1 ? one : several}`)
    .join(", ")

/** The kinds that are listed; the other kinds belong to them. */
const LISTED: ReadonlySet<GarbageKind> = new Set(["root", "layer", "scratch", "volumes"])

const NAMES: Readonly<Record<GarbageKind, readonly [one: string, several: string]>> = {
  root: ["root", "roots"],
  layer: ["layer", "layers"],
  image: ["image of a root", "images of roots"],
  listing: ["listing", "listings"],
  scratch: ["scratch directory", "scratch directories"],
  volumes: ["directory of volumes", "directories of volumes"],
  template: ["template", "templates"],
  name: ["link", "links"],
  record: ["record", "records"],
  config: ["configuration", "configurations"],
  facts: ["file of facts", "files of facts"],
  leftover: ["leftover", "leftovers"]
}
