/** How completions find the names of images and units in the output of `oci-systemd list --json`. */

/**
 * A script for `sed -n`. The user who copies a layout chooses its name, and a shell may evaluate the names that
 * completions offer, so names with other characters than these are not offered.
 */
export const SED = String.raw`s/^ *"\(image\|unit\)": "\([A-Za-z0-9@%+./:_-]*\)",\{0,1\}$/\2/p`
