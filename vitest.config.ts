import { defineConfig } from "vitest/config"

/** What takes minutes is run by `npm run test:long` alone. */
const long = process.env.OCI_SYSTEMD_LONG === undefined ? ["**/*.long.test.ts"] : []

/** A failure says what it has found as soon as its file has ended, and not only at the end of all. */
const chaiConfig = { truncateThreshold: 1000 }

export default defineConfig({
  test: {
    // End-to-end tests wait for machines more than they work, and each file has machines of its own.
    maxWorkers: 2,
    minWorkers: 1,
    projects: [
      {
        test: {
          name: "unit",
          chaiConfig,
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**", ...long],
          // No test is about time: this ends what hangs, on a busy machine too.
          testTimeout: 600_000,
          hookTimeout: 600_000
        }
      },
      {
        test: {
          name: "e2e",
          chaiConfig,
          include: ["test/e2e/**/*.test.ts"],
          exclude: long,
          testTimeout: 600_000,
          hookTimeout: 900_000
        }
      }
    ]
  }
})
