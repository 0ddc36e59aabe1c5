/** Shows on the terminal how far extractions are. */
import type { ExtractionEvent } from "../domain/ExtractionEvent.ts"
import { display } from "../domain/ImageName.ts"
import * as StatusLine from "./StatusLine.ts"

interface Image {
  readonly sizes: ReadonlyArray<number>
  readonly read: Array<number>
  readonly entries: Array<number>
}

/** For one run of the program, which may extract several images at once: the line is about the one that moved last. */
export const make = (): ((event: ExtractionEvent) => void) => {
  const images = new Map<string, Image>()
  return (event) => {
    const name = display(event.image)
    const image = images.get(name)
    switch (event._tag) {
      case "Begun": {
        const sizes = event.layers.map(({ size }) => size)
        images.set(name, { sizes, read: sizes.map(() => 0), entries: sizes.map(() => 0) })
        return
      }
      case "LayerRead":
        if (image !== undefined) advance(name, image, event.layer, event.read, event.entries)
        return
      case "LayerReady":
        if (image !== undefined)
          advance(name, image, event.layer, image.sizes[event.layer] ?? 0, event.entries)
        return
      case "RootWritten":
        StatusLine.show(`${name}: writing the root, ${percent(event.done, event.total)}`)
        return
      case "Published":
        images.delete(name)
        StatusLine.clear()
    }
  }
}

const advance = (name: string, image: Image, layer: number, read: number, entries: number): void => {
  image.read[layer] = read
  image.entries[layer] = entries
  const total = sum(image.sizes)
  const layers = image.sizes.length === 1 ? "1 layer" : `${image.sizes.length} layers`
  StatusLine.show(
    `${name}: ${layers}, ${percent(sum(image.read), total)} of ${mebibytes(total)}, ${sum(image.entries).toLocaleString("en")} entries`
  )
}

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, number) => total + number, 0)

const percent = (part: number, whole: number): string =>
  `${whole === 0 ? 100 : Math.floor((part / whole) * 100)}%`

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
