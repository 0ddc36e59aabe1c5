/** What only root may: whether the system refuses something because of who asks. */

export const isRoot = (): boolean => process.geteuid?.() === 0

/** Is it, or its cause, a refusal that root would not have met? What it was about is then not known. */
export const isDenied = (error: unknown): boolean =>
  !isRoot() && causes(error).some(({ code }) => typeof code === "string" && REFUSALS.has(code))

/** What to do about it. */
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
