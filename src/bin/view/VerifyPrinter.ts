/**
 * Prints the findings of `verify` on standard output while they are made: as lines for people, or as one JSON
 * document.
 */

import { display, type ImageName } from "../../domain/naming/ImageName.ts"
import * as Printable from "../../domain/text/Printable.ts"
import * as Finding from "../../domain/verify/Finding.ts"
import * as Verification from "../../domain/verify/Verification.ts"
import * as Output from "../Output.ts"
import * as Style from "../text/Style.ts"

/** A printer. Images must be printed one after another. */
export interface VerifyPrinter {
  readonly begin: (image: ImageName) => void
  readonly finding: (image: ImageName, finding: Finding.Finding) => void
  readonly end: (verification: Verification.Verification) => void
  /** Ends the output after the last image. */
  readonly close: () => void
}

/** Prints at most `most` findings of each image. */
export const lines = (most: number): VerifyPrinter => {
  let printed = 0
  return {
    begin: () => {
      printed = 0
    },
    finding: (image, finding) => {
      if (printed++ < most) line("yellow", `${display(image)}: ${Finding.render(finding)}`)
    },
    end: (verification) => {
      const { findings, image } = verification
      if (findings > most) line("dim", `${display(image)}: ${findings - most} more, which --all prints`)
      line(findings === 0 ? "green" : "red", Verification.render(verification))
    },
    close: () => {}
  }
}

/**
 * Prints an array of images, each with all its findings. It is written piece by piece, since there may be a million
 * findings.
 */
export const json = (): VerifyPrinter => {
  let images = 0
  let printed = 0
  return {
    begin: () => {
      print(images++ === 0 ? '[\n{"findings":[' : ',\n{"findings":[')
      printed = 0
    },
    finding: (_, finding) =>
      print(`${printed++ === 0 ? "" : ","}\n  ${JSON.stringify(Finding.toJson(finding))}`),
    end: (verification) => print(`],${JSON.stringify(Verification.toJson(verification)).slice(1)}`),
    close: () => print(images === 0 ? "[]\n" : "\n]\n")
  }
}

const line = (style: Style.Style, text: string): void =>
  Output.print(Style.paint(style, Printable.line(text)))

const print = (text: string): void => Output.printRaw(Printable.json(text))
