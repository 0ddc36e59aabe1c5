/** What becomes of the data of a layer's regular files, while the archive is read. */
import type { LayerEntry } from "../../domain/archive/LayerEntry.ts"

export type File = Extract<LayerEntry, { _tag: "File" }>

/** Files come one after another, each from `begin` to `end`. Throws what the system says; `close` afterwards in any case. */
export interface FileSink {
  /** The file that is being taken, for errors. */
  readonly current: File | undefined
  readonly begin: (file: File) => void
  /** `position` is where in the file; what lies between two writes, or after the last, is a hole. */
  readonly write: (bytes: Uint8Array, start: number, length: number, position: number) => void
  readonly end: () => void
  /** After the last file. */
  readonly finish: () => void
  readonly close: () => void
}

/** For who wants to know no more than whether the archive is one. */
export const NOWHERE: FileSink = {
  current: undefined,
  begin: () => {},
  write: () => {},
  end: () => {},
  finish: () => {},
  close: () => {}
}
