/**
 * Facts that a unit needs and only the image's root filesystem knows. They are recorded when the image is extracted.
 *
 * Each fact is stored with its question. When a changed configuration asks another question, the recorded fact no
 * longer applies and is found again.
 */
import * as JsonDecoder from "../document/JsonDecoder.ts"

const Identity = JsonDecoder.struct({
  uid: JsonDecoder.integer(0),
  gid: JsonDecoder.integer(0),
  supplementaryGids: JsonDecoder.list(JsonDecoder.integer(0)),
  home: JsonDecoder.string
})

/** Paths in a root on which files of the host are mounted. */
export const HOST_FILES = ["/etc/resolv.conf", "/etc/hosts", "/etc/localtime"] as const
/** A file that services get from this machine. */
export type HostFile = (typeof HOST_FILES)[number]

/**
 * The kind of a path in a root. `dangling` is a link to a missing path; `other` is something on which no file
 * can be mounted.
 */
const HostFileState = JsonDecoder.literal("nothing", "file", "dangling", "other")
/** What the root has at the path of a host file. */
export type HostFileState = JsonDecoder.Type<typeof HostFileState>

const FoundProgram = JsonDecoder.struct({
  program: JsonDecoder.string,
  searchPath: JsonDecoder.list(JsonDecoder.string),
  path: JsonDecoder.string
})

/** Decodes the facts in the form in which they are kept on disk. */
export const RootFacts = JsonDecoder.struct({
  /** The numeric ids of `user`, which is the image's `User` or that of the configuration. */
  user: JsonDecoder.nullish(JsonDecoder.struct({ user: JsonDecoder.string, identity: Identity })),
  /** The path at which a bare command was found. */
  command: JsonDecoder.nullish(FoundProgram),
  /** The same for the health check's command. The path is empty if the command was not found. */
  health: JsonDecoder.nullish(FoundProgram),
  /** The directory on the way to the working directory, or that itself, which the user may not enter; empty without one. */
  workingDirectory: JsonDecoder.nullish(
    JsonDecoder.struct({ path: JsonDecoder.string, closed: JsonDecoder.string })
  ),
  /** What the image has at the places where files of the host are mounted. */
  hostFiles: JsonDecoder.nullish(
    JsonDecoder.struct({
      "/etc/resolv.conf": HostFileState,
      "/etc/hosts": HostFileState,
      "/etc/localtime": HostFileState
    })
  )
})
/** Facts of one root, each with its question. */
export interface RootFacts extends JsonDecoder.Type<typeof RootFacts> {}

/** The facts before an image is extracted. */
export const NO_FACTS: RootFacts = {}
