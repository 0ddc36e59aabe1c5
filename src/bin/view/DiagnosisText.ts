/** The output of `doctor` for people: a line for each check, with advice below it. */
import type { Diagnosis, Status } from "../../domain/machine/Diagnosis.ts"
import * as Printable from "../../domain/text/Printable.ts"
import * as Paragraph from "../text/Paragraph.ts"
import * as Style from "../text/Style.ts"

export const render = (diagnoses: readonly Diagnosis[], width: number): readonly string[] => {
  const longest = Math.max(...diagnoses.map(({ check }) => check.length))
  const indent = " ".repeat(STATUS_WIDTH + longest + 4)
  return [
    ...diagnoses.flatMap(({ advice, check, found, status }) => {
      const [first = "", ...rest] = found
        .split("\n")
        .flatMap((line) => Paragraph.wrap(Printable.line(line), width - indent.length))
      return [
        `${Style.paint(STYLES[status], status.padEnd(STATUS_WIDTH))}  ${check.padEnd(longest)}  ${first}`,
        ...rest.map((line) => indent + line),
        ...(advice === null
          ? []
          : Paragraph.wrap(`→ ${Printable.line(advice)}`, width - indent.length, "  ").map(
              (line) => indent + Style.paint("cyan", line)
            ))
      ]
    }),
    "",
    summary(diagnoses)
  ]
}

const summary = (diagnoses: readonly Diagnosis[]): string => {
  const count = (status: Status) => diagnoses.filter((diagnosis) => diagnosis.status === status).length
  const [problems, warnings] = [count("problem"), count("warning")]
  if (problems === 0 && warnings === 0) return Style.paint("green", "This machine can run images.")
  return [
    ...(problems === 0 ? [] : [Style.paint("red", `${problems} problem${problems === 1 ? "" : "s"}`)]),
    ...(warnings === 0 ? [] : [Style.paint("yellow", `${warnings} warning${warnings === 1 ? "" : "s"}`)])
  ].join(", ")
}

const STYLES: Readonly<Record<Status, Style.Style>> = {
  ok: "green",
  warning: "yellow",
  problem: "red",
  skipped: "dim"
}
const STATUS_WIDTH = "problem".length
