/**
 * The progress of extractions as lines for a terminal: a line for each image, and below it one for each layer that is
 * being read.
 */
import type { ExtractionEvent } from "../../domain/extracts/ExtractionEvent.ts"
import { display, type ImageName } from "../../domain/naming/ImageName.ts"
import * as Printable from "../../domain/text/Printable.ts"
import * as ByteSize from "../text/ByteSize.ts"
import * as DisplayWidth from "../text/DisplayWidth.ts"
import * as Style from "../text/Style.ts"

interface Layer {
  readonly digest: string
  readonly size: number
  readonly read: number
  readonly entries: number
  /** Time in milliseconds at which the first bytes were read. */
  readonly since: number | undefined
  readonly isDone: boolean
}

interface Image {
  readonly layers: readonly Layer[]
  readonly since: number
  /** Progress of writing the root. */
  readonly written: { readonly done: number; readonly total: number } | undefined
}

/** Images by name, in the order in which they began. */
export type ExtractionView = ReadonlyMap<string, Image>

export const EMPTY: ExtractionView = new Map()

/** Returns the view after an event. `now` is in milliseconds. */
export const after = (view: ExtractionView, event: ExtractionEvent, now: number): ExtractionView => {
  const name = display(event.image)
  const next = new Map(view)
  if (event._tag === "Begun") {
    const layers = event.layers.map(
      ({ digest, size }): Layer => ({ digest, size, read: 0, entries: 0, since: undefined, isDone: false })
    )
    return next.set(name, { layers, since: now, written: undefined })
  }
  const image = view.get(name)
  if (image === undefined) return view
  const change = (index: number, more: (layer: Layer) => Partial<Layer>): ExtractionView =>
    next.set(name, {
      ...image,
      layers: image.layers.map((layer, at) => (at === index ? { ...layer, ...more(layer) } : layer))
    })
  switch (event._tag) {
    case "LayerRead":
      return change(event.layer, ({ since }) => ({
        read: event.read,
        entries: event.entries,
        since: since ?? now
      }))
    case "LayerReady":
      return change(event.layer, ({ size }) => ({ read: size, entries: event.entries, isDone: true }))
    case "RootWritten":
      return next.set(name, { ...image, written: event })
    case "Published":
      return without(view, event.image)
  }
}

export const without = (view: ExtractionView, image: ImageName): ExtractionView =>
  new Map([...view].filter(([name]) => name !== display(image)))

/** Returns at most `height` lines, each at most `width` columns wide. */
export const render = (view: ExtractionView, now: number, width: number, height: number): readonly string[] =>
  [...view]
    .flatMap(([name, image]) => lines(Printable.line(name), image, now, width))
    .slice(0, Math.max(1, height))

const lines = (
  name: string,
  { layers, since, written }: Image,
  now: number,
  width: number
): readonly string[] => {
  if (written !== undefined) {
    const { done, total } = written
    return [fitted(name, width, `writing the root  ${bar(done, total)} ${percent(done, total)}`)]
  }
  const [read, size] = [sum(layers.map((layer) => layer.read)), sum(layers.map((layer) => layer.size))]
  const done = layers.filter(({ isDone }) => isDone).length
  const what = `${done} of ${layers.length} layer${layers.length === 1 ? "" : "s"}  ${bar(read, size)} ${percent(read, size)}`
  return [
    fitted(name, width, `${what}  ${pace(read, size, now - since)}`, `${what}  ${amount(read, size)}`, what),
    ...layers
      .filter((layer) => !layer.isDone && layer.since !== undefined)
      .map((layer) =>
        DisplayWidth.head(
          `  ${layer.digest.replace(/^[^:]*:/, "").slice(0, 12)}  ${bar(layer.read, layer.size)} ${percent(layer.read, layer.size)}  ${pace(layer.read, layer.size, now - (layer.since ?? now))}`,
          width
        )
      )
  ]
}

/**
 * Returns the first text that leaves room for the name or for a recognizable part of it; the last text may be cut.
 */
const fitted = (name: string, width: number, ...texts: readonly [string, ...string[]]): string => {
  const least = Math.min(DisplayWidth.of(name), LEAST_NAME)
  const text =
    texts.find((each) => DisplayWidth.of(each) + 2 + least <= width) ?? texts[texts.length - 1] ?? ""
  const shown = DisplayWidth.shorten(
    name,
    Math.min(Math.max(width - DisplayWidth.of(text) - 2, least), width)
  )
  return Style.paint("bold", shown) + DisplayWidth.head(`  ${text}`, width - DisplayWidth.of(shown))
}

/** Prints amount, rate and remaining time: `74.4 MiB of 120 MiB, 81.3 MiB/s, 12 s left`. */
const pace = (read: number, size: number, milliseconds: number): string => {
  if (milliseconds < SHORTEST || read === 0) return amount(read, size)
  const rate = read / (milliseconds / 1000)
  return `${amount(read, size)}, ${ByteSize.render(rate)}/s, ${duration((size - read) / rate)} left`
}

const amount = (read: number, size: number): string => `${ByteSize.render(read)} of ${ByteSize.render(size)}`

const duration = (seconds: number): string => {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const bar = (part: number, whole: number): string => {
  const filled = whole === 0 ? BAR : Math.floor(Math.min(1, part / whole) * BAR)
  return "━".repeat(filled) + "─".repeat(BAR - filled)
}

const percent = (part: number, whole: number): string =>
  `${whole === 0 ? 100 : Math.floor(Math.min(1, part / whole) * 100)}%`.padStart(4)

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

const BAR = 16
const LEAST_NAME = 20
/** Milliseconds before a rate is meaningful. */
const SHORTEST = 500
