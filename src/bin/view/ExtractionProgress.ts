/** Shows the progress of extractions: lines that change on a terminal, one line for each step elsewhere. */
import type { ExtractionEvent } from "../../domain/extracts/ExtractionEvent.ts"
import { display, type ImageName } from "../../domain/naming/ImageName.ts"
import * as Printable from "../../domain/text/Printable.ts"
import * as ByteSize from "../text/ByteSize.ts"
import * as ExtractionView from "./ExtractionView.ts"
import * as StatusLine from "./StatusLine.ts"

export interface ExtractionProgress {
  readonly onEvent: (event: ExtractionEvent) => void
  /** Ends the display of an image, after success or failure. */
  readonly end: (image: ImageName) => void
}

/**
 * Makes the display for one run of the program, which may extract several images at once. `plain` takes the lines of a log
 * where there is no terminal.
 */
export const make = (plain?: (line: string) => void): ExtractionProgress => {
  if (!StatusLine.isShown)
    return { onEvent: plain === undefined ? () => {} : tellLines(plain), end: () => {} }
  let view = ExtractionView.EMPTY
  return {
    onEvent: (event) => {
      const now = performance.now()
      view = ExtractionView.after(view, event, now)
      StatusLine.show((width, height) => ExtractionView.render(view, now, width, height))
    },
    end: (image) => {
      view = ExtractionView.without(view, image)
      StatusLine.clear()
    }
  }
}

const tellLines = (tell: (line: string) => void): ((event: ExtractionEvent) => void) => {
  const next = lines()
  return (event) => {
    for (const line of next(event, performance.now())) tell(line)
  }
}

/**
 * Returns the lines of a log: when an image begins, when a layer is ready, and every few seconds how much has been read, since
 * a large layer takes its time. `now` is in milliseconds.
 */
export const lines = (): ((event: ExtractionEvent, now: number) => readonly string[]) => {
  const images = new Map<string, { readonly read: number[]; readonly size: number; said: number }>()
  return (event, now) => {
    const name = display(event.image)
    const image = images.get(name)
    const say = (text: string): readonly string[] => {
      if (image !== undefined) image.said = now
      return [Printable.line(`${name}: ${text}`)]
    }
    if (event._tag === "Begun") {
      const size = event.layers.reduce((sum, layer) => sum + layer.size, 0)
      images.set(name, { read: event.layers.map(() => 0), size, said: now })
      return say(
        `${event.layers.length} layer${event.layers.length === 1 ? "" : "s"}, ${ByteSize.render(size)}`
      )
    }
    if (event._tag === "LayerReady") {
      const from = event.found ? "already extracted" : `${ByteSize.render(event.bytes)} unpacked`
      return say(
        `layer ${event.layer + 1} of ${image?.read.length ?? "?"}: ${event.entries.toLocaleString("en")} ${event.entries === 1 ? "entry" : "entries"}, ${from}`
      )
    }
    if (event._tag !== "LayerRead" || image === undefined) return []
    image.read[event.layer] = event.read
    const read = image.read.reduce((sum, each) => sum + each, 0)
    return now - image.said < PAUSE
      ? []
      : say(`${ByteSize.render(read)} of ${ByteSize.render(image.size)} have been read`)
  }
}

/** Milliseconds. */
const PAUSE = 5000
