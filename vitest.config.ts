import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    // End-to-end tests wait for machines more than they work, and each file has machines of its own.
    maxWorkers: 2,
    minWorkers: 1,
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**"],
          testTimeout: 60_000
        }
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 900_000
        }
      }
    ]
  }
})
