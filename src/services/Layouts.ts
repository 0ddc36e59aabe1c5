/**
 * The service that reads image layouts. A program that keeps its layouts elsewhere, or a test, provides its own
 * `LayoutReader`.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as LayoutReader from "./layout/LayoutReader.ts"

/** The service that reads image layouts. */
export class Layouts extends Context.Tag("oci-systemd/Layouts")<Layouts, LayoutReader.LayoutReader>() {
  /** Reads the layouts of this machine's file system. */
  static readonly layer: Layer.Layer<Layouts> = Layer.succeed(Layouts, LayoutReader.ON_DISK)
}
