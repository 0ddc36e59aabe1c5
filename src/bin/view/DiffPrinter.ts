/** Prints the changes of a root on standard output while they are found: as lines for people, or as one JSON array. */
import * as Printable from "../../domain/text/Printable.ts"
import * as RootChange from "../../domain/verify/RootChange.ts"
import * as Output from "../Output.ts"
import * as ByteSize from "../text/ByteSize.ts"
import * as Style from "../text/Style.ts"

export interface DiffPrinter {
  readonly change: (change: RootChange.RootChange) => void
  /** Ends the output after the last change. */
  readonly close: () => void
}

/** Prints `A PATH  SIZE`, with a letter for what has happened, as other programs do. */
export const lines = (): DiffPrinter => ({
  change: (change) => Output.print(render(change)),
  close: () => {}
})

/** Prints an array. It is written piece by piece, since there may be a million changes. */
export const json = (): DiffPrinter => {
  let printed = 0
  return {
    change: (change) =>
      print(`${printed++ === 0 ? "[" : ","}\n  ${JSON.stringify(RootChange.toJson(change))}`),
    close: () => print(printed === 0 ? "[]\n" : "\n]\n")
  }
}

/** Returns one line. */
export const render = (change: RootChange.RootChange): string => {
  const { path } = RootChange.toJson(change)
  const [letter, style] = LETTERS[change.change]
  const more = describe(change)
  return `${Style.paint(style, letter)} ${Printable.line(path)}${more === "" ? "" : `  ${Style.paint("dim", more)}`}`
}

const describe = ({ files, size }: RootChange.RootChange): string => {
  if (size === undefined) return ""
  if (files === undefined) return ByteSize.render(size)
  return files === 0 ? "no files" : `${files} ${files === 1 ? "file" : "files"}, ${ByteSize.render(size)}`
}

const LETTERS: Readonly<Record<RootChange.Change, readonly [string, Style.Style]>> = {
  added: ["A", "green"],
  changed: ["C", "yellow"],
  removed: ["D", "red"]
}

const print = (text: string): void => Output.printRaw(Printable.json(text))
