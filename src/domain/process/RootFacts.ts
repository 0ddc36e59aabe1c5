/**
 * What only an image's root filesystem can tell and its unit must say, recorded when the image is extracted.
 *
 * Facts answer questions. Each comes with its question, so that an answer to another one (a changed configuration) is
 * noticed and asked again.
 */
import * as Form from "../document/JsonDecoder.ts"
import * as HostFiles from "../HostFiles.ts"

const Identity = Form.struct({
  uid: Form.integer(0),
  gid: Form.integer(0),
  supplementaryGids: Form.list(Form.integer(0)),
  home: Form.string
})

const HostFileState = Form.literal(...HostFiles.STATES)

const FoundProgram = Form.struct({
  program: Form.string,
  searchPath: Form.list(Form.string),
  path: Form.string
})

/** The form, as facts are kept on the disk. */
export const RootFacts = Form.struct({
  /** `user` is the image's `User`, or that of the configuration. */
  user: Form.nullish(Form.struct({ user: Form.string, identity: Identity })),
  /** Where a bare command was found. */
  command: Form.nullish(FoundProgram),
  /** The same of a health check's; its path is empty where it was not found. */
  health: Form.nullish(FoundProgram),
  /** Do logs of the image lead to `/dev/stdout` or `/dev/stderr`? */
  opensOutput: Form.nullish(Form.boolean),
  /** What is where files of the host are mounted. */
  hostFiles: Form.nullish(
    Form.struct({
      "/etc/resolv.conf": HostFileState,
      "/etc/hosts": HostFileState,
      "/etc/localtime": HostFileState
    })
  )
})
/** Facts of one root, each with the question that it answers. */
export interface RootFacts extends Form.Type<typeof RootFacts> {}

/** Before the image was extracted. */
export const NO_FACTS: RootFacts = {}
