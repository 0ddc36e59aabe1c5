/** The AppArmor profile of images' processes that see those of the host: src/host/oci-systemd-image.apparmor. */

export const PROFILE = "oci-systemd-image"

/** Where profiles lie that are loaded at boot. */
export const DIRECTORY = "/etc/apparmor.d"
export const FILE = `${DIRECTORY}/${PROFILE}`

/** Whether the profile is loaded and enforced, given the kernel's list of profiles: `NAME (MODE)` on each line. */
export const isEnforced = (profiles: string): boolean => profiles.split("\n").includes(`${PROFILE} (enforce)`)
