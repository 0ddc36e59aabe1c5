/** The tables of docs/configuration.md, made of the table that the programs read. */
import * as ImageSettings from "../../src/domain/settings/ImageSettings.ts"
import type { SettingKey } from "../../src/domain/settings/SettingKey.ts"
import * as SystemSettings from "../../src/domain/settings/SystemSettings.ts"

/** The lines of a table, without the padding that a formatter would give its cells. */
const table = <A>(keys: { readonly [K in keyof A]: SettingKey<A[K]> }): string =>
  [
    "| key | takes | default | meaning |",
    "| --- | --- | --- | --- |",
    ...(Object.keys(keys) as Array<keyof A & string>).map((key) => {
      const { takes, help, print, default: byDefault } = keys[key]
      const said = print(byDefault)
      return `| \`${key}\` | \`${takes.replaceAll("|", "\\|")}\` | ${said === "" ? "" : `\`${said}\``} | ${help} |`
    })
  ].join("\n")

export const system = table(SystemSettings.KEYS)
export const image = table(ImageSettings.KEYS)
