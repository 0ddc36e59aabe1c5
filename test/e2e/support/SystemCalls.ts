/** What strace(1) saw of a process and its threads, in order. */

/** All that makes, changes or moves files, with the paths of descriptors. */
const TRACED =
  "open,openat,creat,write,writev,pwrite64,pwritev,pwritev2,copy_file_range,sendfile,ftruncate,truncate,fallocate," +
  "mkdir,mkdirat,mknod,mknodat,symlink,symlinkat,link,linkat,unlink,unlinkat,rmdir,rename,renameat,renameat2," +
  "chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,utime,utimes,utimensat,futimesat," +
  "setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr,syncfs,fsync,fdatasync"

export const tracing = (output: string): readonly string[] => [
  ...["strace", "--follow-forks", "--decode-fds=path", "--string-limit=4096", "--quiet=all"],
  ...[`--trace=${TRACED}`, `--output=${output}`]
]

export interface SystemCall {
  readonly name: string
  /** As strace prints it, in one piece. */
  readonly text: string
  /** Places in the trace: a call that others overlap has two. */
  readonly started: number
  readonly ended: number
}

/*
 * 4711  mkdir("/x", 0755)          = 0
 * 4711  syncfs(17</x> <unfinished ...>
 * 4712  write(…) = 1
 * 4711  <... syncfs resumed>)      = 0
 */
const LINE =
  /^(?<thread>[0-9]+) +(?:<\.\.\. (?<resumed>[a-z0-9_]+) resumed>|(?<name>[a-z0-9_]+)\()(?<rest>.*)$/
const UNFINISHED = / <unfinished \.\.\.>$/

/** Those that succeeded. */
export const parse = (trace: string): readonly SystemCall[] => {
  const open = new Map<string, { readonly name: string; readonly text: string; readonly started: number }>()
  const calls: SystemCall[] = []
  for (const [index, line] of trace.split("\n").entries()) {
    const { thread = "", resumed, name = "", rest = "" } = LINE.exec(line)?.groups ?? {}
    if (thread === "") continue
    if (resumed === undefined && UNFINISHED.test(rest)) {
      open.set(thread, { name, text: `${name}(${rest.replace(UNFINISHED, "")}`, started: index })
      continue
    }
    const begun = resumed === undefined ? { name, text: `${name}(`, started: index } : open.get(thread)
    if (begun === undefined) throw new Error(`a call without a beginning: ${line}`)
    open.delete(thread)
    const text = `${begun.text}${rest}`
    if (!/ = -1 E[A-Z0-9]+ \(.*\)$/.test(text)) calls.push({ ...begun, text, ended: index })
  }
  return calls
}

const paths = (text: string): readonly string[] =>
  [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, path = ""]) => path)

export const movedFrom = ({ text }: SystemCall): string => paths(text)[0] ?? ""

/** Whether a rename's target is one of `places`. */
export const movesTo = ({ text }: SystemCall, places: readonly RegExp[]): boolean =>
  places.some((place) => place.test(paths(text).at(-1) ?? ""))

/** Whether it changes `directory` or something below, named by its path or by a descriptor. */
export const writesBelow = ({ name, text }: SystemCall, directory: string): boolean => {
  if (/^(syncfs|fsync|fdatasync)$/.test(name)) return false
  if (/^open/.test(name) && !/O_CREAT|O_TRUNC/.test(text)) return false
  return ["/", '"', ">"].some((end) => text.includes(`${directory}${end}`))
}
