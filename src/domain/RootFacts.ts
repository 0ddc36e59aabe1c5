/**
 * What only an image's root filesystem can tell and its unit must say, recorded when the image is extracted.
 *
 * Facts answer questions. Each comes with its question, so that an answer to another one (a changed configuration) is
 * noticed and asked again.
 */
import * as Schema from "effect/Schema"
import { nullish } from "./Descriptor.ts"
import * as HostFiles from "./HostFiles.ts"

const Identity = Schema.Struct({
  uid: Schema.NonNegativeInt,
  gid: Schema.NonNegativeInt,
  supplementaryGids: Schema.Array(Schema.NonNegativeInt),
  home: Schema.String
})

const HostFileState = Schema.Literal(...HostFiles.STATES)

const FoundProgram = Schema.Struct({
  program: Schema.String,
  searchPath: Schema.Array(Schema.String),
  path: Schema.String
})

/** The schema, as facts are kept on the disk. */
export const RootFacts = Schema.Struct({
  /** `user` is the image's `User`, or that of the configuration. */
  user: nullish(Schema.Struct({ user: Schema.String, identity: Identity })),
  /** Where a bare command was found. */
  command: nullish(FoundProgram),
  /** The same of a health check's; its path is empty where it was not found. */
  health: nullish(FoundProgram),
  /** Do logs of the image lead to `/dev/stdout` or `/dev/stderr`? */
  opensOutput: nullish(Schema.Boolean),
  /** What is where files of the host are mounted. */
  hostFiles: nullish(
    Schema.Struct({
      "/etc/resolv.conf": HostFileState,
      "/etc/hosts": HostFileState,
      "/etc/localtime": HostFileState
    })
  )
})
/** Facts of one root, each with the question that it answers. */
export type RootFacts = typeof RootFacts.Type

/** Before the image was extracted. */
export const NO_FACTS: RootFacts = {}
