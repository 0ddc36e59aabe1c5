/** The attacks of `mountRaces.test.ts`, for minutes each. */
process.env.OCI_RESTARTS = "100"
await import("./mountRaces.test.ts")
