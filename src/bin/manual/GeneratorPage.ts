/** The page oci-systemd-generator(8). */
import { example, type Page, term } from "./Roff.ts"

export const page: Page = {
  name: "oci-systemd-generator",
  section: 8,
  summary: "make systemd units from OCI image layouts",
  sections: [
    {
      title: "Synopsis",
      blocks: [
        "`/usr/lib/systemd/system-generators/oci-systemd-generator` [`-config` *FILE*] [`-debug`] [`-generate`] *NORMAL* [*EARLY* [*LATE*]]"
      ]
    },
    {
      title: "Description",
      blocks: [
        "This program is a `systemd.generator`(7), which systemd runs at boot and at every `systemctl daemon-reload`. It looks for OCI image layouts below the directory of layouts, reads their small JSON documents, each checked by its digest, and writes the units of each image to the directory *NORMAL*. It extracts nothing, runs nothing, and writes nowhere else; *EARLY* and *LATE* stay empty.",
        "The units of a service *U*`.service` can be changed by drop-ins, as with any service: `systemctl edit` *U*`.service`."
      ]
    },
    {
      title: "Options",
      blocks: [
        "Each option may be written with one dash or two.",
        term(
          "`-config` *FILE*",
          "Read this configuration file, and no drop-ins, instead of `/etc/oci-generator.conf`."
        ),
        term("`-debug`", "Log what is done, not only what is wrong."),
        term(
          "`-generate`",
          "Print a configuration file with every setting, its default and what it is for, and do nothing else."
        )
      ]
    },
    {
      title: "Diagnostics",
      blocks: [
        "Messages go to standard error and to the kernel's log, since no other log exists at boot: see `journalctl -k -t oci-systemd-generator` or `dmesg`. An image that cannot be used gets a service that fails with the reason when it is started; other images are not affected. The exit status is 0, except after a wrong command line (2).",
        "To see what the generator would write:",
        example("oci-systemd dry-run")
      ]
    },
    {
      title: "See also",
      blocks: ["`oci-systemd`(1), `oci-generator.conf`(5), `systemd.generator`(7), `systemd.unit`(5)"]
    }
  ]
}
