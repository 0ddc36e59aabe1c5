/** What the documentation says of exit statuses is what there is. */
import { readFileSync } from "node:fs"
import { assert, it } from "vitest"
import { GROUPS, ociSystemd } from "../../src/bin/commands/OciSystemd.ts"
import { STATUSES } from "../../src/bin/ExitStatus.ts"
import * as CommandTree from "../../src/bin/manual/CommandTree.ts"

it("docs/cli.md has every status", () => {
  const text = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8").replace(/ +/g, " ")
  for (const { code, means } of Object.values(STATUSES)) assert.include(text, `| ${code} | ${means} |`)
})

it("help lists every command, once", () =>
  assert.deepEqual(
    GROUPS.flatMap(({ commands }) => commands).sort(),
    CommandTree.read(ociSystemd)
      .commands.map(({ name }) => name)
      .sort()
  ))
