/** The page oci-systemd(1). */
import { STATUSES } from "../ExitStatus.ts"
import * as CommandLine from "./CommandLine.ts"
import { NOTES } from "./CommandNotes.ts"
import { type Block, example, heading, type Page, synopsis, term } from "./Roff.ts"
import * as Synopsis from "./Synopsis.ts"

export const page = (program: CommandLine.Program): Page => ({
  name: program.name,
  section: 1,
  summary: "run OCI images as native systemd services",
  sections: [
    {
      title: "Synopsis",
      blocks: [
        synopsis(`\`${program.name}\` [*OPTION* ...] *COMMAND* [*ARGUMENT* ...]`),
        ...program.commands.map((command) =>
          synopsis(`\`${program.name}\` ${Synopsis.command(program, command)}`)
        )
      ]
    },
    {
      title: "Description",
      blocks: [
        "At boot and at every `systemctl daemon-reload`, `oci-systemd-generator`(8) makes a systemd service from each OCI image layout below `/var/lib/oci/layouts`. The first start of the service extracts the image. There is no container runtime and no daemon: the service is systemd's own.",
        example(FIRST_SERVICE),
        "`oci-systemd` shows the images and their units, checks both, and does work ahead of the first start."
      ]
    },
    {
      title: "Images",
      blocks: [
        "An *IMAGE* is named `LAYOUT:REF`, the path of its layout below the directory of layouts and its reference, or by its unit. The unit's name consists of the layout's name, with its host reversed, and the reference: the unit of `myorg.com/myapp:stable` is `com.myorg.myapp.ref.stable.service`."
      ]
    },
    { title: "Commands", blocks: program.commands.flatMap((command) => describe(program, command)) },
    {
      title: "Options",
      blocks: [
        "Every command accepts these options, before or after its name.",
        ...[...program.options, ...CommandLine.BUILT_IN].map(describeOption)
      ]
    },
    {
      title: "Exit status",
      blocks: [
        ...Object.values(STATUSES).map(({ code, means }) => term(`${code}`, `${means}.`)),
        term("128+*N*", "Signal *N* ended the command.")
      ]
    },
    { title: "Files", blocks: FILES },
    {
      title: "See also",
      blocks: [
        "`oci-systemd-generator`(8), `oci-generator.conf`(5), `systemctl`(1), `systemd.generator`(7), `systemd.service`(5), `skopeo`(1)"
      ]
    }
  ]
})

const describe = (program: CommandLine.Program, command: CommandLine.Command): readonly Block[] => [
  heading(command.name),
  synopsis(Synopsis.command(program, command)),
  sentence(command.summary),
  ...(NOTES[command.name] ?? []),
  ...command.arguments.map(({ summary, takes }) => term(Synopsis.value(takes), sentence(summary))),
  ...CommandLine.ownOptions(program, command).map(describeOption)
]

const describeOption = (option: CommandLine.Option): Block =>
  term(Synopsis.option(option), sentence(option.summary))

const sentence = (text: string): string => (/[.?!]$/.test(text) ? text : `${text}.`)

const FIRST_SERVICE = `mkdir -p /var/lib/oci/layouts/myorg.com
skopeo copy docker://myorg/myapp:stable oci:/var/lib/oci/layouts/myorg.com/myapp:stable
systemctl daemon-reload
systemctl start com.myorg.myapp.ref.stable.service`

const FILES: readonly Block[] = [
  term("`/etc/oci-generator.conf`", "The configuration, see `oci-generator.conf`(5)."),
  term("`/var/lib/oci/layouts`", "OCI image layouts. The path of a layout is its name."),
  term("`/var/lib/oci/extracts`", "Extracted images. All of it can be made again from the layouts."),
  term(
    "`/var/lib/oci/volumes`",
    "The images' volumes, with the data that services keep. Only `oci-systemd gc --volumes` removes any."
  ),
  term("`oci.slice`", "The slice of all services of images.")
]
