/** Completions as people have them: keys are typed at real shells, and what the program is called with is read. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import { ociSystemd } from "../../../src/bin/commands/OciSystemd.ts"
import * as CommandTree from "../../../src/bin/manual/CommandTree.ts"
import * as Manual from "../../../src/bin/manual/Manual.ts"
import { requireOrSkip } from "../../e2e/support/Requirements.ts"
import { LayoutWriter, temporary } from "../../support/LayoutWriter.ts"

const CLI = fileURLToPath(new URL("../../../dist/oci-systemd.cjs", import.meta.url))
/** In two parts, so that the line that sets it does not look like it. */
const PROMPT = '"rea""dy>"'
/** What the program prints, and then the shell's next prompt. */
const CALLED = /<called\n([\s\S]*)called>[\s\S]*ready>/
const TAB = "\t"

/** How each is started with one completion and none of the user's own settings, and told to show `PROMPT` alone. */
const SHELLS: Readonly<
  Record<string, { readonly command: string; readonly setUp: (completion: string) => string }>
> = {
  bash: {
    command: "bash --norc --noprofile -i",
    setUp: (completion) => `source ${completion}; PS1=${PROMPT}`
  },
  zsh: {
    command: "zsh -f -i",
    setUp: (completion) =>
      `fpath=(${dirname(completion)} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste; PS1=${PROMPT}`
  }
}

const missing = (shell: string): string | undefined =>
  !existsSync(CLI)
    ? "npm run build makes dist"
    : spawnSync("script", ["--version"]).error !== undefined
      ? "script is not installed"
      : spawnSync(shell, ["--version"]).error !== undefined
        ? `${shell} is not installed`
        : undefined

interface Place {
  readonly path: string
  /** The file of a shell's completion. */
  readonly completion: (shell: string) => string
  readonly environment: NodeJS.ProcessEnv
}

/** A program that tells what it is called with, and lists what the real one lists; and two layouts, one with a name that no shell should see. */
const place = (path: string): Place => {
  for (const name of ["example.org/one", "example.org/two", "evil.org/$(touch evil)"]) {
    const layout = new LayoutWriter(join(path, "layouts", name))
    layout.index(layout.named("v1", layout.image()))
  }
  writeFileSync(
    join(path, "conf"),
    `[system]\nimagelayoutdir = ${path}/layouts\nextractsdir = ${path}/extracts\n`
  )
  mkdirSync(join(path, "bin"))
  const shim = join(path, "bin/oci-systemd")
  writeFileSync(
    shim,
    `#!/bin/sh\n[ "$1" != list ] || exec '${process.execPath}' '${CLI}' "$@"\nprintf '<called\\n'; printf '%s\\n' "$@"; echo 'called>'\n`
  )
  chmodSync(shim, 0o755)
  for (const [name, text] of Manual.files(CommandTree.read(ociSystemd), {
    version: "1",
    date: "2026-01-02"
  })) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  const names: Readonly<Record<string, string>> = {
    bash: "oci-systemd",
    zsh: "_oci-systemd",
    fish: "oci-systemd.fish"
  }
  return {
    path,
    completion: (shell) => join(path, "completions", shell, names[shell] ?? ""),
    environment: {
      PATH: `${join(path, "bin")}:${process.env.PATH}`,
      HOME: path,
      TERM: "dumb",
      LC_ALL: "C.UTF-8"
    }
  }
}

/** Types each line when the shell is ready for it; returns what the program was called with for each. */
const type = async (
  shell: string,
  { completion, environment, path }: Place,
  lines: readonly string[]
): Promise<ReadonlyArray<readonly string[]>> => {
  const { command, setUp } = SHELLS[shell] ?? { command: "", setUp: () => "" }
  const terminal = spawn("script", ["-qfec", command, "/dev/null"], { cwd: path, env: environment })
  let seen = ""
  const ended = once(terminal, "close").then(() => {
    throw new Error(`${shell} ended: ${seen}`)
  })
  ended.catch(() => {})
  const enter = async (text: string): Promise<readonly string[]> => {
    seen = ""
    terminal.stdin.write(`${text}\r`)
    for (;;) {
      const [, words] = CALLED.exec(seen) ?? []
      if (words !== undefined) return words.trimEnd().split("\n")
      const [chunk] = await Promise.race([once(terminal.stdout, "data"), ended])
      seen += chunk.toString().replaceAll("\r", "")
    }
  }
  try {
    await enter(`${setUp(completion(shell))}; oci-systemd`)
    const results: Array<readonly string[]> = []
    for (const line of lines) results.push(await enter(line))
    return results
  } finally {
    terminal.kill("SIGKILL")
  }
}

describe.each(Object.keys(SHELLS))("%s", (shell) => {
  it.skipIf(requireOrSkip(missing(shell)))("completes", async () => {
    using directory = temporary()
    const at = place(directory.path)
    assert.deepEqual(
      await type(shell, at, [
        `oci-systemd insp${TAB}`,
        `oci-systemd verify --de${TAB}`,
        `oci-systemd --config con${TAB} verify --js${TAB}`,
        `oci-systemd verify --config=con${TAB}`,
        // Names with colons, and units.
        `oci-systemd verify --config conf example.org/o${TAB}`,
        `oci-systemd --config conf inspect example.org/two:${TAB}`,
        `oci-systemd --config conf verify example.org/one:v1 org.example.t${TAB}`,
        // No second argument where there is one, nothing after what is no command, and no name that a shell could run.
        `oci-systemd --config conf inspect example.org/one:v1 org.example.t${TAB}`,
        `oci-systemd nothing --de${TAB}`,
        `oci-systemd hel${TAB} insp${TAB}`,
        `oci-systemd --config conf verify evil${TAB}`
      ]),
      [
        ["inspect"],
        ["verify", "--deep"],
        ["--config", "conf", "verify", "--json"],
        ["verify", "--config=conf"],
        ["verify", "--config", "conf", "example.org/one:v1"],
        ["--config", "conf", "inspect", "example.org/two:v1"],
        ["--config", "conf", "verify", "example.org/one:v1", "org.example.two.ref.v1.service"],
        ["--config", "conf", "inspect", "example.org/one:v1", "org.example.t"],
        ["nothing", "--de"],
        ["help", "inspect"],
        ["--config", "conf", "verify", "evil"]
      ]
    )
    assert.isFalse(existsSync(join(at.path, "evil")))
  })
})

it.skipIf(requireOrSkip(missing("fish")))("fish completes", () => {
  using directory = temporary()
  const { completion, environment, path } = place(directory.path)
  const offered = (line: string): readonly string[] => {
    const script = `source ${completion("fish")}; complete -C '${line}'`
    const { stdout } = spawnSync("fish", ["--no-config", "-c", script], {
      cwd: path,
      env: environment,
      encoding: "utf8"
    })
    return stdout
      .trimEnd()
      .split("\n")
      .map((each) => each.split("\t")[0] ?? "")
  }
  assert.deepEqual(offered("oci-systemd insp"), ["inspect"])
  assert.deepEqual(offered("oci-systemd verify --de"), ["--deep"])
  assert.deepEqual(offered("oci-systemd list --de"), [""])
  assert.deepEqual(offered("oci-systemd --config con"), ["conf"])
  assert.deepEqual(offered("oci-systemd --config conf verify example.org/o"), ["example.org/one:v1"])
  assert.deepEqual(offered("oci-systemd inspect --config=conf org.example.t"), [
    "org.example.two.ref.v1.service"
  ])
  assert.deepEqual(offered("oci-systemd --config conf verify evil"), [""])
})
