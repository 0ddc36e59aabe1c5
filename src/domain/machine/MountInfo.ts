/**
 * The kernel's table of mounts, as in /proc/self/mountinfo (proc_pid_mountinfo(5)):
 *
 *     line = id parent device ROOT POINT OPTIONS *(optional field) "-" KIND SOURCE superblock-options
 */

export interface Mount {
  /** The path in the file system that is mounted: `/` unless it is a bind. */
  readonly root: string
  /** The mount point as the table writes it: blanks and backslashes are octal escapes. */
  readonly escapedPoint: string
  readonly point: string
  /** The options of this mount, for example `noexec`. */
  readonly options: readonly string[]
  /** The type of the file system. */
  readonly kind: string
  /** The device or file that it is mounted from, or any text. */
  readonly source: string
  /** The options of the file system as the table writes them; `optionOf` reads one. */
  readonly fileSystemOptions: string
}

/** Parses the table. Of two mounts at one point, the later one hides the other. */
export const parse = (table: string): readonly Mount[] =>
  table.split("\n").flatMap((line) => parseLine(line) ?? [])

/** Parses one line; `undefined` if it describes no mount. */
export const parseLine = (line: string): Mount | undefined => {
  const [before = "", after = ""] = line.split(" - ", 2)
  const [, , , root = "", escapedPoint, options = ""] = before.split(" ", OPTIONS + 1)
  if (escapedPoint === undefined) return undefined
  const [kind = "", source = "", fileSystemOptions = ""] = after.split(" ", FIELDS_AFTER)
  return {
    root: unescaped(root),
    escapedPoint,
    point: unescaped(escapedPoint),
    options: options.split(","),
    kind,
    source: unescaped(source),
    fileSystemOptions
  }
}

/** Returns the value of an option of the file system, such as the `upperdir` of an overlay; `undefined` without it. */
export const optionOf = ({ fileSystemOptions }: Mount, name: string): string | undefined => {
  const option = fileSystemOptions.split(",").find((each) => each.startsWith(`${name}=`))
  return option === undefined ? undefined : unescaped(option.slice(name.length + 1))
}

/** Returns the mount that shows a path. The path has no links. */
export const around = (mounts: readonly Mount[], path: string): Mount | undefined => {
  let found: Mount | undefined
  for (const mount of mounts) {
    const isAround = mount.point === "/" || path === mount.point || path.startsWith(`${mount.point}/`)
    if (isAround && mount.point.length >= (found?.point.length ?? 0)) found = mount
  }
  return found
}

const unescaped = (text: string): string =>
  text.includes("\\")
    ? text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    : text

/** The position of the options in a line. */
const OPTIONS = 5
/** The number of fields after the separator. */
const FIELDS_AFTER = 3
