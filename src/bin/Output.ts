/**
 * The two streams of a program: standard output is for data, standard error for everything else.
 *
 * Text may always be styled by the caller. This module alone removes the colours where they cannot be seen or are not
 * wanted.
 */
import type { WriteStream } from "node:tty"
import * as Printable from "../domain/text/Printable.ts"
import * as Style from "./text/Style.ts"
import * as StatusLine from "./view/StatusLine.ts"

/** Prints data: lines without their last newline. */
export const print = (text: string): void => write(process.stdout, `${text}\n`)

/** Prints data as it is, for text without lines or with a final newline. */
export const printRaw = (text: string): void => write(process.stdout, text)

/** Prints a message to standard error. */
export const tell = (text: string): void => write(process.stderr, `${text}\n`)

/** Prints JSON with indentation, for people and programs. */
export const printJson = (value: unknown): void => print(Printable.json(JSON.stringify(value, undefined, 2)))

/** Returns the columns of standard output; a file or a pipe has an unlimited number. */
export const width = (): number => columnsOf(process.stdout)

/** Whether standard output is a terminal. */
export const isTerminal = (): boolean => process.stdout.isTTY === true

/** Returns the columns of standard error. */
export const widthOfErrors = (): number => columnsOf(process.stderr)

const write = (stream: WriteStream, text: string): void => {
  StatusLine.clear()
  stream.write(hasColours(stream) ? text : Style.strip(text))
}

/** Whether to use colours. By no-color.org, every value but the empty one turns them off. */
const hasColours = (stream: WriteStream): boolean =>
  stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb"

const columnsOf = (stream: WriteStream): number =>
  stream.isTTY === true && stream.columns > 0 ? stream.columns : Number.POSITIVE_INFINITY
