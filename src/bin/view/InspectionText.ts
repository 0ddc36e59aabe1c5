/**
 * The output of `inspect` for people: the image, its process, its layers, and each line of its units with its source.
 */
import * as Printable from "../../domain/text/Printable.ts"
import type { InspectedDirective, InspectedHealth, Inspection } from "../../program/Inspection.ts"
import * as ByteSize from "../text/ByteSize.ts"
import * as DisplayWidth from "../text/DisplayWidth.ts"
import * as Paragraph from "../text/Paragraph.ts"
import * as Style from "../text/Style.ts"
import * as Table from "../text/Table.ts"
import * as StateText from "./StateText.ts"

/** `width` is that of the terminal in columns, and `now` is in milliseconds since 1970. */
export const render = (inspection: Inspection, width: number, now: number): string =>
  [
    Style.paint("bold", Printable.line(inspection.image)),
    ...fields(about(inspection, now), width),
    ...part("Process", fields(process(inspection), width)),
    ...part("Layers", layers(inspection, width)),
    ...part("Volumes", fields(volumes(inspection), width)),
    ...part(
      "Secrets",
      fields(
        inspection.secrets.map(({ secret, source }) => [secret, source.text]),
        width
      )
    ),
    ...part(
      "Not mapped",
      fields(
        inspection.unmapped.map(({ field, reason }) => [field, reason]),
        width
      )
    ),
    ...inspection.units.flatMap((unit) => part(unit, directives(unit, inspection, width)))
  ].join("\n")

type Field = readonly [label: string, value: string | null | undefined, style?: Style.Style]

const about = (inspection: Inspection, now: number): readonly Field[] => [
  ["Problem", inspection.problem, "red"],
  ["Unit", inspection.unit],
  ["State", inspection.state === null ? undefined : StateText.render(inspection.state, now)],
  ["Memory", inspection.state?.memory == null ? undefined : ByteSize.render(inspection.state.memory)],
  ["Layout", inspection.layout],
  ["Manifest", inspection.manifest],
  ["Signed by", signedBy(inspection)],
  ["Platform", inspection.platform],
  ["Created", inspection.config.created],
  ["Author", inspection.config.author],
  ["Size", size(inspection)],
  ["Root", `${inspection.root}${EXTRACTED[`${inspection.extracted}`]}`],
  ["Health", inspection.health === null ? undefined : health(inspection.health)],
  ...inspection.dropIns.map((path, index): Field => [index === 0 ? "Drop-ins" : "", path]),
  ["Enabled", inspection.enabled ? `by ${inspection.enabledBy.join(", ")}` : "no"],
  ...inspection.links.map(
    ({ path, target }, index): Field => [index === 0 ? "Links" : "", `${path} → ${target}`]
  ),
  ...Object.entries(inspection.annotations).map(
    ([name, value], index): Field => [index === 0 ? "Annotations" : "", `${name}=${value}`]
  ),
  ...inspection.notes.map((note): Field => ["Note", note, "yellow"])
]

const signedBy = ({ signedBy, signedByPlaces }: Inspection): string | undefined =>
  signedByPlaces.length === 0
    ? undefined
    : `${signedBy ?? "no key that counts"} (signedby, ${signedByPlaces.join(", ")})`

const health = ({
  action,
  command,
  interval,
  retries,
  startPeriod,
  timeout,
  timer
}: InspectedHealth): string =>
  [
    `${words(command)} every ${seconds(interval)}, at most ${seconds(timeout)}`,
    ...(startPeriod === 0 ? [] : [`the first ${seconds(startPeriod)} do not count`]),
    `unhealthy after ${retries} ${retries === 1 ? "failure" : "failures"}`,
    `then ${action === "restart" ? "restarted" : "logged"} (${timer})`
  ].join("; ")

const seconds = (milliseconds: number): string => `${milliseconds / 1000} s`

const EXTRACTED = {
  true: "",
  false: " (not extracted yet)",
  null: " (only root can see whether it is there)"
}

const size = ({ layers, size }: Inspection): string =>
  `${ByteSize.render(size ?? 0)} in ${layers.length} layer${layers.length === 1 ? "" : "s"}`

const process = ({ config: { config = {} } }: Inspection): readonly Field[] => [
  ["Entrypoint", config.Entrypoint === undefined ? undefined : words(config.Entrypoint)],
  ["Command", config.Cmd === undefined ? undefined : words(config.Cmd)],
  ["Directory", config.WorkingDir || "/"],
  ["User", config.User || "root"],
  ["Stop signal", config.StopSignal],
  ["Ports", Object.keys(config.ExposedPorts ?? {}).join(", ") || undefined],
  ...(config.Env ?? []).map((entry, index): Field => [index === 0 ? "Environment" : "", entry]),
  ...Object.entries(config.Labels ?? {}).map(
    ([name, value], index): Field => [index === 0 ? "Labels" : "", `${name}=${value}`]
  )
]

/** Prints words as the image has them, so that a word with spaces does not look like two. */
const words = (argv: readonly string[]): string => JSON.stringify(argv)

const volumes = ({ volumes }: Inspection): readonly Field[] =>
  volumes.map(
    ({ directory, path, readonly }): Field => [path, `${directory}${readonly ? " (read-only)" : ""}`]
  )

const layers = ({ layers }: Inspection, width: number): readonly string[] =>
  Table.render(
    [
      { title: "DIGEST", shrinksTo: 20 },
      { title: "SIZE", align: "right" },
      { title: "EXTRACTED", spare: 2 },
      { title: "MEDIA TYPE", spare: 1 }
    ],
    layers.map(({ digest, extracted, mediaType, size }) => [
      { text: digest },
      { text: ByteSize.render(size) },
      extracted === true
        ? { text: "yes", style: "green" as const }
        : { text: extracted === null ? "-" : "no", style: "dim" as const },
      { text: Printable.line(mediaType), style: "dim" }
    ]),
    width - INDENT.length
  ).map((line) => INDENT + line)

/**
 * Prints the lines of a unit section by section, each with its source at the right, or below it if there is no room.
 */
const directives = (unit: string, inspection: Inspection, width: number): readonly string[] => {
  const own = inspection.directives.filter((directive) => directive.unit === unit)
  const column = Math.min(
    Math.max(0, ...own.map((directive) => DisplayWidth.of(assignment(directive)))),
    Number.isFinite(width) ? Math.floor(width * LEFT_PART) : WIDEST_LEFT
  )
  return own.flatMap((directive, index) => [
    ...(directive.section === own[index - 1]?.section
      ? []
      : [Style.paint("dim", `${INDENT}[${directive.section}]`)]),
    ...sourced(directive, column, width)
  ])
}

const sourced = (directive: InspectedDirective, column: number, width: number): readonly string[] => {
  const text = assignment(directive)
  const source = `# ${Printable.line(directive.source.text)}`
  const style = directive.source.kind === "default" ? "dim" : "cyan"
  const taken = Math.max(DisplayWidth.of(text), column)
  if (INDENT.length + taken + GAP.length + DisplayWidth.of(source) <= width) {
    const padding = " ".repeat(taken - DisplayWidth.of(text))
    return [INDENT + coloured(directive, text) + padding + GAP + Style.paint(style, source)]
  }
  const lines = Paragraph.wrap(text, width - INDENT.length, INDENT)
  const last = lines[lines.length - 1] ?? ""
  const fits = INDENT.length + DisplayWidth.of(last) + GAP.length + DisplayWidth.of(source) <= width
  const painted = lines.map((line, index) => INDENT + (index === 0 ? coloured(directive, line) : line))
  return fits
    ? [...painted.slice(0, -1), `${painted[painted.length - 1]}${GAP}${Style.paint(style, source)}`]
    : [
        ...painted,
        ...Paragraph.wrap(source, width - 3 * INDENT.length, INDENT).map(
          (line) => INDENT.repeat(3) + Style.paint(style, line)
        )
      ]
}

const assignment = ({ key, value }: InspectedDirective): string => Printable.line(`${key}=${value}`)

const coloured = ({ key }: InspectedDirective, text: string): string =>
  text.startsWith(`${key}=`) ? `${Style.paint("bold", `${key}=`)}${text.slice(key.length + 1)}` : text

const part = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ["", Style.paint("bold", Printable.line(title)), ...lines]

const fields = (all: readonly Field[], width: number): readonly string[] => {
  const shown = all.filter(([, value]) => value !== undefined && value !== null)
  const longest = Math.min(
    WIDEST_LABEL,
    Math.max(0, ...shown.map(([label]) => DisplayWidth.of(Printable.line(label))))
  )
  const indent = " ".repeat(INDENT.length + longest + GAP.length)
  return shown.flatMap(([label, value, style = "plain"]) => {
    const name = Printable.line(label)
    const lines = Paragraph.wrap(Printable.line(value ?? ""), width - indent.length).map((line) =>
      Style.paint(style, line)
    )
    const room = longest - DisplayWidth.of(name)
    const head = INDENT + Style.paint("dim", name)
    if (room < 0) return [head, ...lines.map((line) => indent + line)]
    const [first = "", ...rest] = lines
    return [head + " ".repeat(room) + GAP + first, ...rest.map((line) => indent + line)]
  })
}

const INDENT = "  "
const GAP = "  "
/** The share of a line for the directive; the rest is for its source. */
const LEFT_PART = 0.6
const WIDEST_LEFT = 60
const WIDEST_LABEL = 24
