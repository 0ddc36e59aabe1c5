/** The configuration file that `-generate` prints: every key as a comment, with its default and its help. */
import * as ImageSettings from "./ImageSettings.ts"
import type { SettingKey } from "./SettingKey.ts"
import * as SystemSettings from "./SystemSettings.ts"

/** Returns the lines for the keys of a section. */
const keys = <A>(table: { readonly [K in keyof A]: SettingKey<A[K]> }): string =>
  (Object.keys(table) as Array<keyof A & string>)
    .map((key) => {
      const { help, takes, default: byDefault, print } = table[key]
      return `# ${help}\n# ${takes}\n#${`${key} = ${print(byDefault)}`.trimEnd()}\n`
    })
    .join("\n")

export const TEXT = `# /etc/oci-generator.conf: configuration of oci-systemd-generator and oci-systemd
# Drop-ins: {/usr/lib,/run,/etc}/oci-generator.conf.d/*.conf, read in the order of their names after this file; of two
# with one name the one in /etc counts, then the one in /run. A link to /dev/null there masks the others.

[system]
${keys(SystemSettings.KEYS)}
# Settings of images. The pattern is LAYOUT:REF, or LAYOUT for all its references; "*" is any text within either. The most
# exact pattern wins, and of equally exact ones the later. There may be any number of these sections.
#[image *]

${keys(ImageSettings.KEYS)}`
