/** Shows how far extractions are: lines that move on a terminal, a line for each step elsewhere. */
import type { ExtractionEvent } from "../../domain/extracts/ExtractionEvent.ts"
import { display, type ImageName } from "../../domain/naming/ImageName.ts"
import * as Printable from "../../domain/text/Printable.ts"
import * as ExtractionView from "./ExtractionView.ts"
import * as Output from "../Output.ts"
import * as StatusLine from "./StatusLine.ts"
import * as ByteSize from "../text/ByteSize.ts"

export interface ExtractionProgress {
  readonly onEvent: (event: ExtractionEvent) => void
  /** Nothing more comes of this image, however it went. */
  readonly end: (image: ImageName) => void
}

/** For one run of the program, which may extract several images at once. `plain`: also where no terminal is. */
export const make = ({ plain = false }: { readonly plain?: boolean } = {}): ExtractionProgress => {
  if (!StatusLine.isShown) return { onEvent: plain ? say() : () => {}, end: () => {} }
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

/** For logs: when an image begins, and when a layer is ready. */
const say = (): ((event: ExtractionEvent) => void) => {
  const layers = new Map<string, number>()
  return (event) => {
    const name = display(event.image)
    if (event._tag === "Begun") {
      layers.set(name, event.layers.length)
      const size = event.layers.reduce((sum, layer) => sum + layer.size, 0)
      const count = `${event.layers.length} layer${event.layers.length === 1 ? "" : "s"}`
      Output.tell(Printable.line(`${name}: ${count}, ${ByteSize.render(size)}`))
    } else if (event._tag === "LayerReady") {
      const from = event.found ? "was there already" : `${ByteSize.render(event.bytes)} unpacked`
      Output.tell(
        Printable.line(
          `${name}: layer ${event.layer + 1} of ${layers.get(name) ?? "?"}: ${event.entries.toLocaleString("en")} ${event.entries === 1 ? "entry" : "entries"}, ${from}`
        )
      )
    }
  }
}
