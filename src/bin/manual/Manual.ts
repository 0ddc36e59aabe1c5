/** All manual pages and completions, each with its path in `dist`. */
import * as BashCompletion from "./BashCompletion.ts"
import * as CommandLine from "./CommandLine.ts"
import * as ConfigurationPage from "./ConfigurationPage.ts"
import * as FishCompletion from "./FishCompletion.ts"
import * as GeneratorPage from "./GeneratorPage.ts"
import * as OciSystemdPage from "./OciSystemdPage.ts"
import * as Roff from "./Roff.ts"
import * as ZshCompletion from "./ZshCompletion.ts"

export const files = (
  program: CommandLine.Program,
  edition: Roff.Edition
): ReadonlyArray<readonly [path: string, text: string]> => [
  ...[OciSystemdPage.page(program), GeneratorPage.page, ConfigurationPage.page].map(
    (page) => [`man/${page.name}.${page.section}`, Roff.render(page, edition)] as const
  ),
  ["completions/bash/oci-systemd", BashCompletion.render(CommandLine.withHelp(program))],
  ["completions/zsh/_oci-systemd", ZshCompletion.render(CommandLine.withHelp(program))],
  ["completions/fish/oci-systemd.fish", FishCompletion.render(CommandLine.withHelp(program))]
]
