/** The modes of directories that this program makes. */

/** The mode of private directories: the host's users must not reach a setuid file of an image inside. */
export const PRIVATE = 0o700

/** The mode of directories that every user of the host may read. */
export const PUBLIC = 0o755
