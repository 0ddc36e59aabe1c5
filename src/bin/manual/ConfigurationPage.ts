/** oci-generator.conf(5), made of the tables that are parsed. */
import * as ImageSettings from "../../domain/settings/ImageSettings.ts"
import type { SettingKey } from "../../domain/settings/SettingKey.ts"
import * as SystemSettings from "../../domain/settings/SystemSettings.ts"
import { type Block, example, type Page, term } from "./Roff.ts"

const keys = <A>(table: { readonly [K in keyof A]: SettingKey<A[K]> }): readonly Block[] =>
  (Object.keys(table) as Array<keyof A & string>).map((key) => {
    const { default: byDefault, help, print, takes } = table[key]
    const said = print(byDefault)
    return term(`\`${key} =\` ${takes}`, help, said === "" ? "Empty by default." : `\`${said}\` by default.`)
  })

const EXAMPLE = `# All of ours start at boot, and once more when they fail.
[image myorg.com/*]
wantedby = multi-user.target
restart = on-failure

# A database with its data elsewhere, and a short name.
[image library/postgres:17]
volume = /srv/pg:/var/lib/postgresql/data
alias = postgresql.service`

export const page: Page = {
  name: "oci-generator.conf",
  section: 5,
  summary: "configuration of oci-systemd-generator and oci-systemd",
  sections: [
    {
      title: "Synopsis",
      blocks: [
        "`/etc/oci-generator.conf`",
        "`/etc/oci-generator.conf.d/*.conf`",
        "`/run/oci-generator.conf.d/*.conf`",
        "`/usr/lib/oci-generator.conf.d/*.conf`"
      ]
    },
    {
      title: "Description",
      blocks: [
        "Where layouts, extracts and volumes are, and how images are run. None of the files has to be there. `oci-systemd-generator -generate` prints one with every setting and its default.",
        "The file is read first, then the drop-ins in the order of their names, whatever their directory. Of two drop-ins with one name the one in `/etc` counts, then the one in `/run`; a link to `/dev/null` masks the others.",
        "A line is a section's head in brackets, a key with its value, or a comment after `#` or `;`; behind `healthcmd =` all is the command. What is not understood is told with its file and line, and passed over; the rest counts. Changes count from the next `systemctl daemon-reload`, and for a service that runs from its next start.",
        "What a directive of a unit can say needs no key here: it belongs in a drop-in of the service, see `systemctl`(1), `edit`."
      ]
    },
    { title: "[system] section", blocks: keys(SystemSettings.KEYS) },
    {
      title: "[image PATTERN] sections",
      blocks: [
        "For the images whose whole name, `LAYOUT:REF`, the pattern matches; `*` is any text. Of several sections that match an image, one without `*` counts before all others, then the one with more characters besides `*`, and of equally exact ones the later line. A list is replaced, not added to; only `volume` adds up.",
        ...keys(ImageSettings.KEYS)
      ]
    },
    { title: "Examples", blocks: [example(EXAMPLE)] },
    {
      title: "See also",
      blocks: ["`oci-systemd`(1), `oci-systemd-generator`(8), `systemd.service`(5), `systemd.syntax`(7)"]
    }
  ]
}
