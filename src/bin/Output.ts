/**
 * The two streams of a program: standard output is data, standard error is everything else.
 *
 * What is printed may be styled always: where nobody sees colours, or wants none, they are taken out here, and only here.
 */
import type { WriteStream } from "node:tty"
import * as Printable from "../domain/text/Printable.ts"
import * as StatusLine from "./view/StatusLine.ts"
import * as Style from "./text/Style.ts"

/** Data: lines without their last newline. */
export const print = (text: string): void => write(process.stdout, `${text}\n`)

/** The same, as it is: what has no lines, or ends in one. */
export const printRaw = (text: string): void => write(process.stdout, text)

/** Anything else. */
export const tell = (text: string): void => write(process.stderr, `${text}\n`)

/** JSON that people can read too. */
export const printJson = (value: unknown): void => print(Printable.json(JSON.stringify(value, undefined, 2)))

/** Columns that a line of standard output may take: a file or a pipe has no end of them. */
export const width = (): number => columnsOf(process.stdout)

/** Does somebody look at standard output? */
export const isTerminal = (): boolean => process.stdout.isTTY === true

/** Of standard error. */
export const widthOfErrors = (): number => columnsOf(process.stderr)

const write = (stream: WriteStream, text: string): void => {
  StatusLine.clear()
  stream.write(hasColours(stream) ? text : Style.strip(text))
}

/** no-color.org: any text but the empty one says no. */
const hasColours = (stream: WriteStream): boolean =>
  stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb"

const columnsOf = (stream: WriteStream): number =>
  stream.isTTY === true && stream.columns > 0 ? stream.columns : Number.POSITIVE_INFINITY
