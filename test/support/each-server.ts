import { describe } from "vitest";
import { programsOf, testedServers, type ServerPrograms, type TestedServer } from "../../tools/servers/tested.ts";

const found: { server: TestedServer; programs: Awaited<ReturnType<typeof programsOf>> }[] = [];
for (const server of testedServers) found.push({ server, programs: await programsOf(server) });

/**
 * The same tests for each tested server. Where one cannot be had, its tests count as skipped, under a title that says
 * why.
 */
export function describeEachServer(tests: (programs: ServerPrograms, server: TestedServer) => void): void {
  for (const { server, programs } of found) {
    if ("missing" in programs) {
      console.error(`SKIPPED: the tests of ${server.name}, which is ${programs.missing}`);
      describe.skip(`${server.name} (SKIPPED: ${programs.missing})`, () => tests({ server: "", sentinel: "" }, server));
    } else {
      describe(server.name, () => tests(programs, server));
    }
  }
}
