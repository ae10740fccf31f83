import { defineConfig } from "vitest/config";
import { quietTerraform } from "./test/support/terraform.ts";

/** Suites that run clusters: on fixed ports, and with timings that other suites' load would disturb. */
const inFolder = (folder: string): string => `test/${folder}/**/*.test.ts`;
const faults = inFolder("faults");
const others = ["cli", "cluster", "drill", "lab", "local"].map(inFolder);

/** @param retry how often a failed test may be tried again */
const withServers = (name: string, include: string[], retry: number) => ({
  extends: true as const,
  test: {
    name,
    include,
    retry,
    maxWorkers: 3,
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // After the fast ones, so that their load does not disturb the timings of failovers.
    sequence: { groupOrder: 1 },
  },
});

export default defineConfig({
  test: {
    pool: "forks",
    // AWS's packages would say in every process that makes a client of theirs which Node a later version needs.
    env: { ...quietTerraform, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
    projects: [
      {
        extends: true,
        test: {
          name: "fast",
          include: ["test/**/*.test.ts"],
          exclude: [faults, ...others],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      // What is promised of a fault must hold each time.
      withServers("faults", [faults], 0),
      // On a shared machine a stall of seconds is no mistake of ours, and costs the run of half an hour. A test that needs
      // this twice in a row is one.
      withServers("servers", others, process.env["CI"] ? 1 : 0),
    ],
  },
});
