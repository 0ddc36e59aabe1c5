/** Looks at this program's own parts: the generator that systemd runs, the Node that both run on, the native code. */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Diagnosis from "../../domain/machine/Diagnosis.ts"
import * as HostExamination from "../host/MachineExamination.ts"
import { NativeCalls } from "../files/NativeCalls.ts"

/** `root` is where the machine's tree is: nothing, but for tests. */
export const examine = (root = ""): readonly Diagnosis.Diagnosis[] => [
  generator(root),
  node(process.versions.node)
]

/** That koffi can be loaded, which extraction needs. */
export const native: Effect.Effect<Diagnosis.Diagnosis> = NativeCalls.pipe(
  Effect.provide(NativeCalls.layer),
  Effect.match({
    onSuccess: () => Diagnosis.ok("native code", `koffi, for ${process.platform}-${process.arch}`),
    onFailure: ({ cause, message }) =>
      Diagnosis.problem(
        "native code",
        `${message}: ${cause instanceof Error ? cause.message.split("\n")[0] : cause}`,
        "install the program again, with koffi for this machine beside it"
      )
  })
)

const node = (version: string): Diagnosis.Diagnosis =>
  Number.parseInt(version, 10) >= OLDEST_NODE
    ? Diagnosis.ok("Node", `version ${version}`)
    : Diagnosis.problem("Node", `version ${version}`, `${OLDEST_NODE} or later is needed`)

const generator = (root: string): Diagnosis.Diagnosis => {
  const found = DIRECTORIES.map((directory) => `${root}${directory}/oci-systemd-generator`).filter(
    (path) => fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined
  )
  const [path] = found
  if (path === undefined) {
    return Diagnosis.problem("generator", "is not installed: systemd sees no images", "oci-systemd install")
  }
  let real: string
  try {
    real = fs.realpathSync(path)
  } catch {
    return Diagnosis.problem(
      "generator",
      `${path} leads to ${fs.readlinkSync(path)}, where nothing is`,
      "oci-systemd install"
    )
  }
  if (real === "/dev/null" || fs.statSync(real).size === 0) {
    return Diagnosis.problem("generator", `${path} masks it`, `rm ${path}`)
  }
  if (!HostExamination.isExecutable(real)) {
    return Diagnosis.problem("generator", `${real} is not executable`, `chmod 755 ${real}`)
  }
  const interpreter = interpreterOf(real, root)
  return interpreter === undefined
    ? Diagnosis.ok("generator", real === path ? path : `${path}, which is ${real}`)
    : Diagnosis.problem(
        "generator",
        `${real} wants ${interpreter}, which systemd does not find`,
        `install Node where systemd looks (${HostExamination.SYSTEMD_PATH.slice(0, 4).join(", ")}), or oci-systemd install, which writes down where it is`
      )
}

/** What a script asks for that is not there. */
const interpreterOf = (path: string, root: string): string | undefined => {
  const head = Buffer.alloc(256)
  const fd = fs.openSync(path, "r")
  try {
    fs.readSync(fd, head)
  } finally {
    fs.closeSync(fd)
  }
  const [, program = "", first = "", second = ""] =
    /^#! *(\S+)(?: +(\S+))?(?: +(\S+))?/.exec(head.toString("latin1").split("\n")[0] ?? "") ?? []
  if (program === "") return undefined
  const name = program.endsWith("/env") ? (first === "-S" ? second : first) : ""
  if (name === "") return HostExamination.isExecutable(`${root}${program}`) ? undefined : program
  const isThere = HostExamination.SYSTEMD_PATH.some((directory) =>
    HostExamination.isExecutable(`${root}${directory}/${name}`)
  )
  return isThere ? undefined : `${name}`
}

/** The most important first (systemd.generator(7)). */
const DIRECTORIES = ["/run", "/etc", "/usr/local/lib", "/usr/lib", "/lib"].map(
  (directory) => `${directory}/systemd/system-generators`
)
const OLDEST_NODE = 20
