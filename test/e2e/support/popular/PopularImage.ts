/** What a test has to know of a popular program's image: what it is made of, how it is spoken to, and what it says. */
import type { ImageDefinition, LayerDefinition } from "../LayeredImages.ts"

export interface PopularImage extends ImageDefinition {
  /** A line of bash on the machine that speaks to it, over its protocol; `$in` before a program runs that in its root. */
  readonly ask: string
  readonly answer: RegExp
  /** What it says of itself when it is ready; a program that says nothing has none. */
  readonly says?: RegExp
  /** What it complains of when it is asked before it is ready. */
  readonly early?: RegExp
  /** The status with which it exits at its stop signal where it is process 1: it has no handler, and its runtime ends it. */
  readonly unhandled?: string
  /** A line of bash that has it keep something in its volume, and one that prints `kept` if that is there. */
  readonly keep?: string
  readonly kept?: string
}

export interface PopularImages {
  readonly layers: Readonly<Record<string, LayerDefinition>>
  readonly images: Readonly<Record<string, PopularImage>>
}

/** Asks for a page, with nothing but bash. */
export const http = (port: number, path = "/"): string =>
  `exec 3<>/dev/tcp/127.0.0.1/${port} && printf 'GET ${path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && cat <&3`

/** Sends a text and prints the first line of the answer. */
export const tcp = (port: number, text: string): string =>
  `exec 3<>/dev/tcp/127.0.0.1/${port} && printf '${text}' >&3 && head -n 1 <&3`

export const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/** A file in a volume, for programs whose protocol keeps nothing. */
export const markIn = (volume: string): Pick<PopularImage, "keep" | "kept"> => ({
  keep: `$in touch ${volume}/mark && echo kept`,
  kept: `$in ls ${volume}/mark && echo kept`
})
