/**
 * What oci-systemd(1) says about a command besides its one sentence: purpose and circumstances, in the markup of
 * `Roff`.
 */
import type { Block } from "./Roff.ts"

/** Notes by command. A command without an entry has only its sentence. */
export const NOTES: Readonly<Record<string, readonly Block[]>> = {
  list: [
    "On a terminal, columns that do not fit are left out, but image and unit are never cut. In a pipe and with `--json` all columns are there. The size is that of the configuration and the layers in the layout. An image is enabled if any unit starts it.",
    "The state is that of the service: what systemd says, for how long it has been so, what the last health checks say (only root can see that), and how often systemd has started it again by itself. For more, there are `systemctl status` *UNIT* and `journalctl -u` *UNIT*.",
    "An image whose manifest or configuration cannot be used is listed with the reason. Its service exists, and fails with that reason when it is started. An image that the caller lacks permission to read is listed as such; it may run well.",
    "Signatures, attestations, SBOMs, charts, models and other artifacts in a layout are not images: they have no unit, and all commands ignore them. With `--all` they are listed too, with what they are and what they are attached to."
  ],
  inspect: [
    "Each directive of the units is shown with its source: a field of the image's configuration, a line of a configuration file, the profile, or a default. Fields of the image's configuration without an effect are listed with the reason. The health check and drop-ins of the service in `/etc/systemd/system` and `/run/systemd/system` are listed as well, and a note says if the units are not final: some facts are only known once the root is extracted."
  ],
  name: [
    'Made for scripts: `systemctl restart "$(oci-systemd name myorg.com/myapp:stable)"`. An image *LAYOUT*:*REF* that is not there has a name too, the one that it will have. What skopeo makes of a name with a port is another image, and a warning says so.'
  ],
  diff: [
    "`A` stands before a path that is new, `C` before one that is not as it was, `D` before one that is gone. A file of the image counts as changed if it was opened for writing. A directory counts as changed if its owner or mode is not as it was, or if it is another one, and not for what is in it. A new directory, or another one in the place of one of the image, is one line with the number of files in it and their bytes. The size of a file is its length.",
    "What lies in volumes, in `/run` and in other mounts of the root is not part of the root, and mount points that were made for the service are not listed. The changes are those to the root of the image that runs, also if the layout has another image by now. A persistent root can be listed while the service does not run, and is then compared with the image that the next start runs. Only root can list the changes."
  ],
  "dry-run": [
    "The output, also with `--output`, is what the generator writes, byte for byte; links are printed as comments, `# PATH -> TARGET`. An image that cannot run has a unit that says why, which is a failure only with `--check`.",

    "Some facts, such as the number of a named user, are only known once the root is extracted. Units of images that are not extracted are marked as not final."
  ],
  enable: [
    "This replaces `systemctl enable`, which does not work for generated units. The command writes a file `50-enabled-`*IMAGE*`.conf` to `/etc/oci-generator.conf.d`, which sets `wantedby =` for this image. The setting survives reloads and boots, and `inspect` names the file. Units that start the image already are kept. Files of others are never edited: if one of them contradicts, the command fails and names it. An image that cannot run is enabled with a warning that says why.",
    "systemd is reloaded, so an image that was just copied can be enabled and started with `--now`."
  ],
  disable: [
    "The command removes what `enable` wrote, also for an image that is gone. If another file enables the image, the command fails and names that file."
  ],
  extract: [
    "Without this command, the first start of a service extracts its image. If the extraction changes the units, a message recommends `systemctl daemon-reload`; otherwise the first start reloads systemd. Layers and roots that exist already are not made again.",
    "An image for another platform or without a command cannot run here. Such an image is skipped with a message, unless it was named: a base image is then extracted all the same, and an image of another platform with `--platform`. `gc` removes a root of another platform, since no image here needs it."
  ],
  unpack: [
    "The directory gets the root filesystem as the layers say it, with owners, devices and extended attributes, and shares nothing with other roots. The image may be for any platform, and need not have a command. Layers are verified before the first name appears, and all is flushed at the end. If the command fails, the directory is left empty."
  ],
  mount: [
    "The image is extracted first if need be. It may be for any platform, and need not have a command. The root is the one that services have, in the same page cache, whether it is mounted from an image or is a directory. It is read-only, and set-user-ID and device files in it are without effect. `gc` keeps the root while it is mounted. Only root can mount."
  ],
  unmount: [
    "The command fails if something other than the root of an image is mounted there, or if a process uses it."
  ],
  verify: [
    "Where the configuration sets `signedby` for an image, an image without a signature that counts is a finding (`unsigned`).",
    "Without `--deep`, the blobs are read, and so is everything that the extracts directory keeps of an image: each stored layer is hashed against its diff id, and the image of a mounted root is compared with what the layers give. With it, every path of an extracted root is compared with the layers: type, mode, owner, times, links, extended attributes and content. The exit status is 1 if anything differs. An image for another platform is reported as such, which is not a difference."
  ],
  doctor: [
    "The command checks systemd, the kernel, users, the programs that units run, the generator, Node, native code, directories and their file system, free space, the configuration, images and units, and says how to fix what is wrong. A problem keeps images from running, and makes the exit status 1; a warning does not. Checks that need root are skipped for other users. Nothing is changed."
  ],
  gc: [
    "The command removes roots, layers, records, configurations, facts, names, templates and scratch directories that no image below the layouts directory needs, and the leftovers of interrupted runs. A root, a scratch directory or a volume that any process has mounted is kept, whatever the name of its service. Everything of an image is kept if its documents cannot be read or its layout cannot be seen: an unreadable directory, a dangling link, a file system of fstab(5) that is not mounted.",
    "Nothing is removed if the layouts directory is missing or holds no image, unless `--allow-empty` confirms it.",
    "Each piece is moved away by one rename before it is removed, so an interrupted run leaves complete pieces, or leftovers that the next run removes. Extractions and starts of services may run at the same time. Only root can see what is in use."
  ],
  remove: [
    "The service is stopped and not started at boot any more, the layout is removed, and with it the unit and everything that was extracted of it alone. If the layout has references that are not named, the command fails before it does anything. What stays is named: volumes and roots that are kept, drop-ins, and lines of the configuration for this image alone."
  ],
  prepare: [
    "`oci-prepare@`*UNIT* runs this before a start of the service if something is missing. There is no need to call it by hand."
  ],
  install: [
    "The installed program is the one that runs this command: scripts that need Node if it runs from a checkout or from npm, single executables if it is one. An existing configuration is not changed. The installed files are recorded for `uninstall`, and installing again replaces them. Services keep running.",
    "systemd is reloaded, unless it does not run or `--root` is given."
  ],
  uninstall: [
    "Services of images are stopped first, since afterwards nothing would be left to clean up after them. An edited configuration is kept, and so are the files of `enable`, which are named, and layouts, extracts and volumes. `rm -r /var/lib/oci` removes those."
  ]
}
