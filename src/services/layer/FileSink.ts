/** Receives the data of a layer's regular files while the archive is read. */
import type { LayerEntry } from "../../domain/archive/LayerEntry.ts"

export type File = Extract<LayerEntry, { _tag: "File" }>

/**
 * Files come one after another, each from `begin` to `end`. Methods throw errors of the system; call `close`
 * afterwards in any case.
 */
export interface FileSink {
  /** The current file, for errors. */
  readonly current: File | undefined
  readonly begin: (file: File) => void
  /** `position` is the position in the file. Gaps between writes, and after the last one, are holes. */
  readonly write: (bytes: Uint8Array, start: number, length: number, position: number) => void
  readonly end: () => void
  /** Called after the last file. */
  readonly finish: () => void
  readonly close: () => void
}

/** Discards the data, for callers that only check an archive. */
export const NOWHERE: FileSink = {
  current: undefined,
  begin: () => {},
  write: () => {},
  end: () => {},
  finish: () => {},
  close: () => {}
}
