/** What oci-systemd(1) says of a command besides its own one sentence: why and when, with the same markup as `Roff`. */
import type { Block } from "./Roff.ts"

/** A command that is not here has its sentence alone. */
export const NOTES: Readonly<Record<string, readonly Block[]>> = {
  list: [
    "On a terminal, columns that do not fit are left out, but never cut are image and unit; a pipe and `--json` have them all. The size is that of the configuration and the layers in the layout. An image is enabled where any unit starts it.",
    "An image whose manifest or configuration cannot be used is listed with the reason. Its service exists, and fails with that reason when it is started. What the user who asks may not read is listed as that: it may well run."
  ],
  inspect: [
    "Each directive of the units is shown with what it comes from: a field of the image's configuration, a line of a configuration file, the profile, or nobody (default). What the image's configuration says and no unit does is listed with the reason. So are the health check, drop-ins of the service in `/etc/systemd/system` and `/run/systemd/system`, and whether the units are final yet: what only an extracted root can tell is in them after the extraction."
  ],
  name: [
    'Made for scripts: `systemctl restart "$(oci-systemd name myorg.com/myapp:stable)"`. An image *LAYOUT*:*REF* that is not there has a name too, the one that it will have. What skopeo makes of a name with a port is another image, and a warning says so.'
  ],
  "dry-run": [
    "What is printed, or written with `--output`, is what the generator writes, byte for byte; links are printed as comments, `# PATH -> TARGET`. An image that cannot run has a unit that says why; only with `--check` is that a failure.",

    "Facts that only an extracted root can tell, such as the number of a named user, are in the units of images that are extracted; of others, it is said that their units are not final."
  ],
  enable: [
    "What `systemctl enable` cannot do for units that a generator makes. A file of its own in `/etc/oci-generator.conf.d`, `50-enabled-`*IMAGE*`.conf`, says `wantedby =` for this image, so that it holds over reloads and boots, and `inspect` names it. Units that start the image already are kept. Files that others wrote are never edited: where one of them says otherwise, it is named. An image that cannot run is enabled with a warning that says why.",
    "systemd is reloaded, so an image that was copied just now can be enabled and started with `--now`."
  ],
  disable: [
    "Takes away what `enable` made, also of an image that is gone. An image that a file of somebody else's enables is not disabled, and that file is named."
  ],
  extract: [
    "Without it, the first start of a service extracts its image. Where the units that systemd has change by what the extraction finds out, it is said that `systemctl daemon-reload` is due; a start would do it too. Layers and roots that are there already are not made again.",
    "Where none is named, what cannot run here by its nature, an image of another platform or without a command, is skipped, and said; named, it is an error."
  ],
  verify: [
    "Without `--deep`, only blobs are read. With it, every path of an extracted root is compared with what the layers say: type, mode, owner, times, links, extended attributes and content. The exit status is 1 where anything differs; that an image is for other machines than this one is said, and no difference."
  ],
  doctor: [
    "Looks at systemd, the kernel, users, the programs that units run, the generator, Node, native code, directories and their file system, free space, the configuration, images and units, and says what to do where something is amiss. A problem keeps images from running, and makes the exit status 1; a warning does not. What only root can try is skipped for others; nothing is changed."
  ],
  gc: [
    "Removes roots, layers, records, configurations, facts, names, templates and scratch directories that no image below the layouts directory needs, and what interrupted runs left. A root, a scratch directory or a volume that any process has mounted stays, whatever its service is called; so does what an image has whose documents cannot be read, or whose layout cannot be seen: an unreadable directory, a link to nowhere, a file system of fstab(5) that is not mounted.",
    "Nothing is removed where the layouts directory is missing or holds no image, unless `--allow-empty` says that this is so.",
    "Each piece is moved away by one rename before it is removed: whoever is interrupted leaves whole pieces, or leftovers that the next run removes. It is safe beside extractions and starts of services. Only root can see what is in use."
  ],
  prepare: ["Not for people: `oci-prepare@`*UNIT* runs it before each start of a service."],
  install: [
    "What is installed is the program that runs: from a checkout or where npm put it, scripts that need Node; as a single executable, single executables. A configuration that is there stays as it is. What was put where is noted, for `uninstall`, and installing again replaces it. Services go on running.",
    "systemd, where it runs and no `--root` is given, is reloaded."
  ],
  uninstall: [
    "Services of images are stopped first, since nothing would be left to clear up after them. A configuration that was edited stays, and so do the files of `enable`, which are named, layouts, extracts and volumes: `rm -r /var/lib/oci` is yours to say."
  ]
}
