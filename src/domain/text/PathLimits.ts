/** Limits of Linux on paths, in bytes (path_resolution(7), limits.h). */

/** The longest path, its NUL included. Longer ones cannot be opened. */
export const PATH_MAX = 4096
/** The longest path or link target without its NUL. */
export const LONGEST_PATH = PATH_MAX - 1
/** The longest name of a directory entry. */
export const NAME_MAX = 255
