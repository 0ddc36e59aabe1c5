/** What is installed: the built program that is running, from wherever it runs. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as CommandPath from "../host/CommandPath.ts"
import * as MachineExamination from "../host/MachineExamination.ts"

export interface SourceFile {
  /** The path beside the programs. */
  readonly name: string
  readonly path: string
  readonly isExecutable: boolean
  /** Identifies the file, equal for all names of a file with several. */
  readonly identity: string | undefined
}

export interface InstallSource {
  readonly files: readonly SourceFile[]
  /** The directory of the programs. */
  readonly directory: string
  /** Whether all parts of a build are there. */
  readonly isComplete: boolean
  /** The ending of the programs' names: none for single executables. */
  readonly suffix: "" | ".cjs"
}

export const find = (): InstallSource => {
  const program = CommandPath.cli().at(-1) ?? ""
  const directory = path.dirname(program)
  // If npm installed the program, its packages are where npm puts them, not beside the program.
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
 * Returns the text of a script that asks for `node` by name, changed to the path of the running Node if systemd would
 * find another Node or none, for example because it is in a home directory. `undefined` means unchanged.
 */
export const forThisNode = (
  { isExecutable, name, path: file }: SourceFile,
  thisNode: string = process.execPath
): string | undefined => {
  if (!isExecutable || !name.endsWith(".cjs")) return undefined
  const found = MachineExamination.SYSTEMD_PATH.map((directory) => `${directory}/node`).find((node) =>
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

/** Looks for a name in a directory, or in its nearest parent that has it. */
const above = (directory: string, name: string): string | undefined => {
  const here = path.join(directory, name)
  if (fs.existsSync(here)) return here
  const parent = path.dirname(directory)
  return parent === directory ? undefined : above(parent, name)
}
