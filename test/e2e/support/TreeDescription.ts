/** A file tree in words, to be compared: everything that find(1), getfattr(1) and sha256sum(1) can tell of it. */
import { run } from "./Command.ts"

/** Sizes of directories depend on their history, and their link counts on the file system. */
const FACTS = String.raw`find . -printf '%p|%y|%m|%U:%G|%T@|%s|%n|%l\n' | sed -E 's/(\|d\|.*\|)[0-9]+\|[0-9]+(\|[^|]*)$/\1\2/' | LC_ALL=C sort`
const DEVICES = String.raw`find . -type c -o -type b | LC_ALL=C sort | xargs -r -d '\n' stat -c '%n %t:%T'`
const CONTENT = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum"
/** In the order of names: getfattr's own is the directory's. */
const XATTRS =
  "find . -print0 | LC_ALL=C sort -z | xargs -0 -r getfattr --no-dereference --dump --match=- --encoding=hex"
const INODES = String.raw`find . ! -type d -printf '%i|%p\0'`

const TIMEOUT = 300_000

const ask = async (root: string, script: string): Promise<string> =>
  (await run(["bash", "--norc", "-o", "pipefail", "-ec", `cd "$0" && ${script}`, root], { timeout: TIMEOUT }))
    .stdout

/** Which names are one file. */
const linkGroups = async (root: string): Promise<readonly string[]> => {
  const names = new Map<string, string[]>()
  for (const line of (await ask(root, INODES)).split("\0").filter(Boolean)) {
    const bar = line.indexOf("|")
    const group = names.get(line.slice(0, bar)) ?? []
    names.set(line.slice(0, bar), [...group, line.slice(bar + 1)])
  }
  return [...names.values()]
    .filter((group) => group.length > 1)
    .map((group) => `one file: ${group.sort().join(" = ")}`)
    .sort()
}

/** One line each: type, mode, owner, time in nanoseconds, size, link count and target; devices; content; xattrs; hard links. */
export const describeTree = async (root: string): Promise<readonly string[]> => {
  const parts = await Promise.all([FACTS, DEVICES, CONTENT, XATTRS].map((script) => ask(root, script)))
  return [...parts.flatMap((part) => part.split("\n")), ...(await linkGroups(root))]
}

/** What two descriptions do not share, in words that fit a message; empty where they are equal. */
export const differences = (actual: readonly string[], expected: readonly string[]): string => {
  const [ours, theirs] = [new Set(actual), new Set(expected)]
  const lines = [
    ...expected.filter((line) => !ours.has(line)).map((line) => `- ${line}`),
    ...actual.filter((line) => !theirs.has(line)).map((line) => `+ ${line}`)
  ]
  if (lines.length === 0 && actual.length !== expected.length) return "some lines are repeated in one of them"
  const more = lines.length - SHOWN
  return [...lines.slice(0, SHOWN), ...(more > 0 ? [`and ${more} more`] : [])].join("\n")
}

/** Of a tree of 30,000 files: a whole difference helps nobody. */
const SHOWN = 40
