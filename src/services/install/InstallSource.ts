/** What there is to install: the built program that runs, from wherever it runs. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as CommandPath from "../host/CommandPath.ts"
import * as HostExamination from "../host/MachineExamination.ts"

export interface SourceFile {
  /** Beside the programs. */
  readonly name: string
  readonly path: string
  readonly isExecutable: boolean
  /** The same for all names of a file that has several. */
  readonly identity: string | undefined
}

export interface InstallSource {
  readonly files: readonly SourceFile[]
  /** Where the programs are. */
  readonly directory: string
  /** Are all parts there, as a build leaves them? */
  readonly isComplete: boolean
  /** What the programs' names end in: nothing, where they are single executables. */
  readonly suffix: "" | ".cjs"
}

export const find = (): InstallSource => {
  const program = CommandPath.cli().at(-1) ?? ""
  const directory = path.dirname(program)
  // Where npm installed the program, the packages that it needs are where npm puts them, not beside it.
  const packages = ["koffi", `@koromix/koffi-linux-${process.arch}`]
    .map((name) => `node_modules/${name}`)
    .filter((name) => !fs.existsSync(path.join(directory, name)))
    .flatMap((name) => {
      const found = above(directory, name)
      return found === undefined ? [] : walk(found, name)
    })
  return {
    directory,
    isComplete: fs.existsSync(path.join(directory, "systemd")),
    files: [...walk(directory, ""), ...packages].sort((a, b) => (a.name < b.name ? -1 : 1)),
    suffix: program.endsWith(".cjs") ? ".cjs" : ""
  }
}

/**
 * The text of a script that asks for `node` by name, asking for the Node that runs this instead, where systemd would find another one or
 * none: one in a home directory, say. `undefined`: as it is.
 */
export const forThisNode = (
  { isExecutable, name, path: file }: SourceFile,
  thisNode: string = process.execPath
): string | undefined => {
  if (!isExecutable || !name.endsWith(".cjs")) return undefined
  const found = HostExamination.SYSTEMD_PATH.map((directory) => `${directory}/node`).find((node) =>
    fs.existsSync(node)
  )
  if (found !== undefined && fs.realpathSync(found) === fs.realpathSync(thisNode)) return undefined
  return fs.readFileSync(file, "utf8").replace(BY_NAME, `#!${thisNode}`)
}

const BY_NAME = /^#!\/usr\/bin\/env (?:-S )?node/

const walk = (directory: string, name: string): readonly SourceFile[] =>
  fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(directory, entry.name)
    const own = name === "" ? entry.name : `${name}/${entry.name}`
    if (entry.isDirectory()) return walk(file, own)
    if (!entry.isFile()) return []
    const { dev, ino, mode, nlink } = fs.statSync(file)
    const identity = nlink > 1 ? `${dev}:${ino}` : undefined
    return [{ name: own, path: file, isExecutable: (mode & 0o111) !== 0, identity }]
  })

/** In a directory or the nearest one that it is in. */
const above = (directory: string, name: string): string | undefined => {
  const here = path.join(directory, name)
  if (fs.existsSync(here)) return here
  const parent = path.dirname(directory)
  return parent === directory ? undefined : above(parent, name)
}
