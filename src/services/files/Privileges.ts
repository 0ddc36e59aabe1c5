/** Whether the system denied something because the caller is not root. */

export const isRoot = (): boolean => process.geteuid?.() === 0

/** Whether an error, or its cause, is a denial that root would not have met. */
export const isDenied = (error: unknown): boolean =>
  !isRoot() && causes(error).some(({ code }) => typeof code === "string" && REFUSALS.has(code))

/** The hint for such errors. */
export const HINT = "this needs root: run it with sudo, or as root"

interface Caused {
  readonly code?: unknown
  readonly cause?: unknown
}

const causes = (error: unknown): readonly Caused[] => {
  const found: Caused[] = []
  for (let at = error; typeof at === "object" && at !== null; at = (at as Caused).cause) found.push(at)
  return found
}

const REFUSALS: ReadonlySet<string> = new Set(["EACCES", "EPERM"])
