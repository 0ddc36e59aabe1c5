/** How completions find the names of images and units in what `oci-systemd list --json` prints. */

/**
 * For `sed -n`. Names are offered to a shell, which may evaluate them, and anybody who may copy a layout chooses them: one that has
 * other characters than these is not offered.
 */
export const SED = String.raw`s/^ *"\(image\|unit\)": "\([A-Za-z0-9@%+./:_-]*\)",\{0,1\}$/\2/p`
