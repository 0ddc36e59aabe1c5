/** A result of `doctor` about one thing that this program needs from its host. */

export type Status = "ok" | "warning" | "problem" | "skipped"

export interface Diagnosis {
  /** Name of the check: `systemd`, `overlay`, … */
  readonly check: string
  /** A problem keeps images from running. A warning may do so, or costs performance. */
  readonly status: Status
  /** What was found. Several findings are on lines of their own. */
  readonly found: string
  /** What to do about it; `null` if nothing needs to be done. */
  readonly advice: string | null
}

export const ok = (check: string, found: string): Diagnosis => ({ check, status: "ok", found, advice: null })

export const warning = (check: string, found: string, advice: string): Diagnosis => ({
  check,
  status: "warning",
  found,
  advice
})

export const problem = (check: string, found: string, advice: string): Diagnosis => ({
  check,
  status: "problem",
  found,
  advice
})

/** Makes the result of a check that was not possible. */
export const skipped = (check: string, found: string): Diagnosis => ({
  check,
  status: "skipped",
  found,
  advice: null
})

export const isProblem = ({ status }: Diagnosis): boolean => status === "problem"
