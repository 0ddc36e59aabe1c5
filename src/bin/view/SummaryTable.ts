/** The table that `list` prints. */
import * as Printable from "../../domain/text/Printable.ts"
import type { Summary } from "../../program/Summary.ts"
import * as ByteSize from "../text/ByteSize.ts"
import * as Paragraph from "../text/Paragraph.ts"
import * as Style from "../text/Style.ts"
import * as Table from "../text/Table.ts"

/** On a terminal what is wrong with an image stands below it; where lines have no end, it is the last column. */
export const render = (summaries: readonly Summary[], width: number): readonly string[] => {
  const wide = !Number.isFinite(width)
  const rows = summaries.map((summary) => (wide ? [...row(summary), problem(summary)] : row(summary)))
  const [titles = "", ...lines] = Table.render(wide ? [...COLUMNS, PROBLEM] : COLUMNS, rows, width)
  return [
    titles,
    ...lines.flatMap((line, index) => {
      const reason = summaries[index]?.problem
      return wide || reason === undefined || reason === null
        ? [line]
        : [
            line,
            ...Paragraph.wrap(`  ${Printable.line(reason)}`, width, "  ").map((text) =>
              Style.paint("red", text)
            )
          ]
    })
  ]
}

/** Names are what is copied from here: all else is left out before one is cut, and then the line is longer. */
const COLUMNS: readonly Table.Column[] = [
  { title: "IMAGE" },
  { title: "UNIT" },
  { title: "PLATFORM", spare: 3 },
  { title: "SIZE", align: "right", spare: 2 },
  { title: "MANIFEST", spare: 4 },
  { title: "EXTRACTED", spare: 1 },
  { title: "ENABLED", spare: 0 }
]
const PROBLEM: Table.Column = { title: "PROBLEM" }

const row = (summary: Summary): Table.Row => {
  const broken = summary.problem !== null
  return [
    { text: Printable.line(summary.image), ...(broken ? { style: "red" as const } : {}) },
    { text: summary.unit ?? NOTHING },
    { text: Printable.line(summary.platform ?? NOTHING), style: "dim" },
    { text: summary.size === null ? NOTHING : ByteSize.render(summary.size) },
    { text: summary.manifest === null ? NOTHING : short(summary.manifest), style: "dim" },
    yes(summary.extracted),
    yes(summary.enabled)
  ]
}

const problem = ({ problem }: Summary): Table.Cell => ({ text: Printable.line(problem ?? ""), style: "red" })

const yes = (is: boolean | null): Table.Cell =>
  is === true ? { text: "yes", style: "green" } : { text: is === null ? NOTHING : "no", style: "dim" }

/** Enough to tell manifests apart; whole ones are in --json. */
const short = (digest: string): string => digest.replace(/^([^:]*:)?(.{12}).*$/, "$2")

const NOTHING = "-"
