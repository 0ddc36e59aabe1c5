/** The table that `list` prints. */
import * as Printable from "../../domain/text/Printable.ts"
import type { Summary } from "../../program/Summary.ts"
import * as ByteSize from "../text/ByteSize.ts"
import * as Paragraph from "../text/Paragraph.ts"
import * as Style from "../text/Style.ts"
import * as Table from "../text/Table.ts"

/**
 * Renders the table. On a terminal, the problem of an image is on the line below it; otherwise it is the last column.
 */
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

/**
 * Image and unit are copied from the table, so all other columns are left out before one of these is cut, even if a
 * line gets too long.
 */
const COLUMNS: readonly Table.Column[] = [
  { title: "IMAGE" },
  { title: "UNIT" },
  { title: "PLATFORM", spare: 4 },
  { title: "PORTS", spare: 2 },
  { title: "SIZE", align: "right", spare: 3 },
  { title: "MANIFEST", spare: 5 },
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
    { text: ports(summary.ports) },
    { text: summary.size === null ? NOTHING : ByteSize.render(summary.size) },
    { text: summary.manifest === null ? NOTHING : short(summary.manifest), style: "dim" },
    yes(summary.extracted),
    yes(summary.enabled)
  ]
}

const problem = ({ problem }: Summary): Table.Cell => ({ text: Printable.line(problem ?? ""), style: "red" })

const yes = (is: boolean | null): Table.Cell =>
  is === true ? { text: "yes", style: "green" } : { text: is === null ? NOTHING : "no", style: "dim" }

/** Prints the first ports: an image may name thousands, and `--json` and `inspect` print all. */
const ports = (ports: readonly string[] | null): string =>
  ports === null || ports.length === 0
    ? NOTHING
    : [...ports.slice(0, MOST_PORTS), ...(ports.length > MOST_PORTS ? ["…"] : [])].join(" ")

/** Shortens a digest to enough digits to tell manifests apart; `--json` prints whole ones. */
const short = (digest: string): string => digest.replace(/^([^:]*:)?(.{12}).*$/, "$2")

const NOTHING = "-"
/** Few images have more: a web server with its encrypted port and an admin's. */
const MOST_PORTS = 3
