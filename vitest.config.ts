import { defineConfig } from "vitest/config";
import { quietTerraform } from "./test/support/terraform.ts";

/** Suites that run clusters: on fixed ports, and with timings that other suites' load would disturb. */
const alone = ["cli", "cluster", "drill", "faults", "lab", "local"].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    pool: "forks",
    env: { ...quietTerraform },
    projects: [
      {
        extends: true,
        test: {
          name: "fast",
          include: ["test/**/*.test.ts"],
          exclude: alone,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "servers",
          // On a shared machine a stall of seconds is no mistake of ours, and costs the run of half an hour. A test that
          // needs this twice in a row is one.
          retry: process.env["CI"] ? 1 : 0,
          include: alone,
          maxWorkers: 2,
          testTimeout: 240_000,
          hookTimeout: 240_000,
          // After the fast ones, so that their load does not disturb the timings of failovers.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
