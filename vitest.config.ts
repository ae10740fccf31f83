import { defineConfig } from "vitest/config";
import { quietTerraform } from "./test/support/terraform.ts";

/** Suites that run clusters: on fixed ports, and with timings that other suites' load would disturb. */
const servers = {
  testTimeout: 240_000,
  hookTimeout: 240_000,
  maxWorkers: 2,
  // On a shared machine a stall of seconds is no mistake of ours, and costs the run of half an hour. A test that
  // needs this twice in a row is one.
  retry: process.env["CI"] ? 1 : 0,
  // After the fast ones, so that their load does not disturb the timings of failovers.
  sequence: { groupOrder: 1 },
};
const suites = (...folders: string[]): string[] => folders.map((folder) => `test/${folder}/**/*.test.ts`);
const alone = suites("cli", "cluster", "drill", "lab", "local");
const faults = suites("faults");

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
          exclude: [...alone, ...faults],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          ...servers,
          name: "servers",
          include: alone,
        },
      },
      {
        extends: true,
        test: { ...servers, name: "faults", include: faults },
      },
    ],
  },
});
