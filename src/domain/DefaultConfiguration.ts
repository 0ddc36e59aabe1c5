/** The configuration file that `-generate` prints: every key, commented, with its default. */
import { DEFAULT_IMAGE, DEFAULT_SYSTEM, ROOT_MODES } from "./Settings.ts"

export const TEXT = `# /etc/oci-generator.conf: configuration of oci-systemd-generator and oci-systemd
# Drop-ins: {/etc,/run,/usr/lib}/oci-generator.conf.d/*.conf

[system]
# Where the OCI image layouts are.
#imagelayoutdir = ${DEFAULT_SYSTEM.imagelayoutdir}
# Where images are extracted to. The same file system holds what writable roots write.
#extractsdir = ${DEFAULT_SYSTEM.extractsdir}

# Settings of images: the pattern is matched with LAYOUT:REF, "*" is any text, and the most exact one wins.
#[image *]
# ${ROOT_MODES.join(", ")}
#root = ${DEFAULT_IMAGE.root}
# Units that start the image's service with them, for example multi-user.target
#wantedby = ${DEFAULT_IMAGE.wantedby.join(" ")}
`
