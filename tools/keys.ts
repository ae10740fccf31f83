import { writeFileSync } from "node:fs";
import { format } from "prettier";
import { askServer, type Answers } from "./keys/ask.ts";
import { tableOf } from "./keys/table.ts";
import { programsOf, testedServers } from "./servers/tested.ts";

/** `npm run keys`: writes topology/server-keys.json, what the tested servers say about their keys. */

const file = new URL("../topology/server-keys.json", import.meta.url);

const answers = new Map<string, Answers>();
for (const server of testedServers) {
  const programs = await programsOf(server);
  if ("missing" in programs) throw new Error(`${server.name}: ${programs.missing}; the table needs all of them`);
  answers.set(server.name, await askServer(programs));
}
writeFileSync(file, await format(JSON.stringify(tableOf(answers)), { parser: "json", printWidth: 120 }));
