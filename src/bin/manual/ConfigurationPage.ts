/** The page oci-generator.conf(5), made from the tables that the parser uses. */
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
        "The configuration says where layouts, extracts and volumes are, and how images are run. All files are optional. `oci-systemd-generator -generate` prints a file with every setting and its default.",
        "The file is read first, then the drop-ins in the order of their names, whatever their directory. Of drop-ins with the same name, the one in `/etc` counts, then the one in `/run`; a link to `/dev/null` masks the others.",
        "A line is a section's head in brackets, a key with its value, or a comment after `#` or `;`. After `entrypoint =`, `command =`, `env =` and `healthcmd =`, the whole rest of the line is the value. A line that is not understood is reported with its file and number and ignored; the rest counts. Changes count from the next `systemctl daemon-reload`, and for a running service from its next start.",
        "A directive of a unit needs no key here: write it into a drop-in of the service, see `systemctl`(1), `edit`."
      ]
    },
    { title: "[system] section", blocks: keys(SystemSettings.KEYS) },
    {
      title: "[image PATTERN] sections",
      blocks: [
        "A section applies to the images that match its pattern: `LAYOUT:REF`, or `LAYOUT` for all its references; `*` is any text within either. Write `::` between them if the layout holds a colon that is not a port's. Of several sections that match an image, one without `*` counts before all others, then the one with more characters besides `*`, and of equally exact ones the later line. A later list replaces an earlier one; lines of `env`, `envfile`, `secret`, `capabilities`, `devices` and `volume` add up.",
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
