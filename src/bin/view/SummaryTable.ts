/** The table that `list` prints. */
import * as Artifact from "../../domain/image/Artifact.ts"
import * as Printable from "../../domain/text/Printable.ts"
import type { SummarizedArtifact, Summary } from "../../program/Summary.ts"
import * as ByteSize from "../text/ByteSize.ts"
import * as Paragraph from "../text/Paragraph.ts"
import * as Style from "../text/Style.ts"
import * as Table from "../text/Table.ts"

/**
 * Renders the table. On a terminal, the problem of an image is on the line below it, and there is what an artifact is;
 * otherwise these are the last columns. `hasArtifacts` adds the column for artifacts, whether there are any or not. The column
 * for keys is there if any image has a signature that its settings ask for.
 */
export const render = (
  summaries: readonly Summary[],
  width: number,
  hasArtifacts = false
): readonly string[] => {
  const wide = !Number.isFinite(width)
  const hasSigned = summaries.some(({ signedBy }) => signedBy !== null)
  const rows = summaries.map((summary) => [
    ...row(summary),
    ...(wide ? [problem(summary), ...(hasArtifacts ? [artifact(summary)] : [])] : []),
    ...(hasSigned ? [signed(summary)] : [])
  ])
  const columns = [
    ...COLUMNS,
    ...(wide ? [PROBLEM, ...(hasArtifacts ? [ARTIFACT] : [])] : []),
    ...(hasSigned ? [SIGNED] : [])
  ]
  const [titles = "", ...lines] = Table.render(columns, rows, width)
  const below = (text: string, style: Style.Style) =>
    Paragraph.wrap(`  ${Printable.line(text)}`, width, "  ").map((line) => Style.paint(style, line))
  return [
    titles,
    ...lines.flatMap((line, index) => {
      const summary = summaries[index]
      if (wide || summary === undefined) return [line]
      if (summary.artifact !== null)
        return [line, ...below(`${described(summary.artifact)}, not an image`, "dim")]
      return summary.problem === null ? [line] : [line, ...below(summary.problem, "red")]
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
const ARTIFACT: Table.Column = { title: "ARTIFACT" }
const SIGNED: Table.Column = { title: "SIGNED BY", spare: 2 }

const row = (summary: Summary): Table.Row => {
  const broken = summary.problem !== null
  const isArtifact = summary.artifact !== null
  return [
    { text: Printable.line(summary.image), ...(broken ? { style: "red" as const } : {}) },
    { text: summary.unit ?? NOTHING },
    { text: Printable.line(summary.platform ?? NOTHING), style: "dim" },
    { text: ports(summary.ports) },
    { text: summary.size === null ? NOTHING : ByteSize.render(summary.size) },
    { text: summary.manifest === null ? NOTHING : short(summary.manifest), style: "dim" },
    yes(isArtifact ? null : summary.extracted),
    yes(isArtifact ? null : summary.enabled)
  ]
}

const problem = ({ problem }: Summary): Table.Cell => ({ text: Printable.line(problem ?? ""), style: "red" })

const artifact = ({ artifact }: Summary): Table.Cell => ({
  text: artifact === null ? "" : Printable.line(described(artifact))
})

const signed = ({ signedBy }: Summary): Table.Cell => ({ text: signedBy ?? NOTHING })

const described = ({ subject, ...artifact }: SummarizedArtifact): string =>
  Artifact.describe({ ...artifact, subject: subject ?? undefined })

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
