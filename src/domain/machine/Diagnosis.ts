/** What `doctor` finds of one thing that this program needs of its host. */

export type Status = "ok" | "warning" | "problem" | "skipped"

export interface Diagnosis {
  /** What was looked at: `systemd`, `overlay`, … */
  readonly check: string
  /** A problem keeps images from running; a warning may, or costs something. */
  readonly status: Status
  /** What is there; several things a line each. */
  readonly found: string
  /** What to do about it; `null` where there is nothing to do. */
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

/** It could not be looked at. */
export const skipped = (check: string, found: string): Diagnosis => ({
  check,
  status: "skipped",
  found,
  advice: null
})

export const isProblem = ({ status }: Diagnosis): boolean => status === "problem"
