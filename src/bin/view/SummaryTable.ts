/** The table that `list` prints. */
import * as Artifact from "../../domain/image/Artifact.ts"
import * as Printable from "../../domain/text/Printable.ts"
import type { ServiceState } from "../../domain/unit/ServiceState.ts"
import type { SummarizedArtifact, Summary } from "../../program/Summary.ts"
import * as ByteSize from "../text/ByteSize.ts"
import * as Paragraph from "../text/Paragraph.ts"
import * as Style from "../text/Style.ts"
import * as Table from "../text/Table.ts"
import * as StateText from "./StateText.ts"

export interface Options {
  /** The width of the terminal in columns; `Infinity` without a terminal. */
  readonly width: number
  /** Milliseconds since 1970. */
  readonly now: number
  readonly hasArtifacts?: boolean
}

/**
 * Renders the table. On a terminal, the problem of an image is on the line below it, and there is what an artifact is;
 * otherwise these are the last columns. `hasArtifacts` adds the column for artifacts, whether there are any or not.
 */
export const render = (
  summaries: readonly Summary[],
  { hasArtifacts = false, now, width }: Options
): readonly string[] => {
  const wide = !Number.isFinite(width)
  const columns = [
    ...COLUMNS.filter(({ isKnown }) => wide || isKnown === undefined || summaries.some(isKnown)),
    ...(wide ? [PROBLEM] : []),
    ...(wide && hasArtifacts ? [ARTIFACT] : [])
  ]
  const rows = summaries.map((summary) => columns.map(({ cell }) => cell(summary, now)))
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

interface Column extends Table.Column {
  readonly cell: (summary: Summary, now: number) => Table.Cell
  /** On a terminal, the column is left out unless this is known of any image. */
  readonly isKnown?: (summary: Summary) => boolean
}

/**
 * Image and unit are copied from the table, so all other columns are left out before one of these is cut, even if a
 * line gets too long.
 */
const COLUMNS: readonly Column[] = [
  {
    title: "IMAGE",
    cell: ({ image, problem }) => ({ text: Printable.line(image), style: problem === null ? "plain" : "red" })
  },
  { title: "UNIT", cell: ({ unit }) => ({ text: unit ?? NOTHING }) },
  {
    title: "STATE",
    spare: 0,
    isKnown: ({ state }) => state !== null,
    cell: ({ state }, now) => stateCell(state, now)
  },
  {
    title: "MEMORY",
    align: "right",
    spare: 3,
    isKnown: ({ state }) => state !== null,
    cell: ({ state }) => ({ text: bytes(state?.memory ?? null) })
  },
  {
    title: "PLATFORM",
    spare: 6,
    cell: ({ platform }) => ({ text: Printable.line(platform ?? NOTHING), style: "dim" })
  },
  { title: "PORTS", spare: 2, cell: (summary) => ({ text: ports(summary.ports) }) },
  { title: "SIZE", align: "right", spare: 4, cell: ({ size }) => ({ text: bytes(size) }) },
  {
    title: "MANIFEST",
    spare: 7,
    cell: ({ manifest }) => ({ text: manifest === null ? NOTHING : short(manifest), style: "dim" })
  },
  {
    title: "EXTRACTED",
    spare: 5,
    cell: ({ artifact, extracted }) => yes(artifact === null ? extracted : null)
  },
  { title: "ENABLED", spare: 1, cell: ({ artifact, enabled }) => yes(artifact === null ? enabled : null) },
  {
    title: "SIGNED BY",
    spare: 2,
    isKnown: ({ signedBy }) => signedBy !== null,
    cell: ({ signedBy }) => ({ text: signedBy ?? NOTHING })
  }
]
const PROBLEM: Column = {
  title: "PROBLEM",
  cell: ({ problem }) => ({ text: Printable.line(problem ?? ""), style: "red" })
}
const ARTIFACT: Column = {
  title: "ARTIFACT",
  cell: ({ artifact }) => ({ text: artifact === null ? "" : Printable.line(described(artifact)) })
}

const described = ({ subject, ...artifact }: SummarizedArtifact): string =>
  Artifact.describe({ ...artifact, subject: subject ?? undefined })

const stateCell = (state: ServiceState | null, now: number): Table.Cell => {
  if (state === null) return { text: NOTHING, style: "dim" }
  const isGood = state.active === "active" && state.health !== "unhealthy"
  const style =
    state.active === "inactive" ? "dim" : isGood ? "green" : state.active === "failed" ? "red" : "yellow"
  return { text: StateText.render(state, now), style }
}

const bytes = (number: number | null): string => (number === null ? NOTHING : ByteSize.render(number))

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
