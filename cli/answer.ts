import fs from "node:fs";
import { OVERRIDE } from "../agent/override.ts";
import { nodeFolder } from "../agent/node-folder.ts";
import { passGateFor } from "../agent/operations.ts";
import { programHash } from "../agent/program.ts";
import { electEvidence, electOnHost } from "../agent/repair/elect.ts";
import { speakAsAny } from "../agent/secrets.ts";
import { askRedis, askSentinels } from "../cluster/answers.ts";
import { askForEvidence, nodeFacts } from "../cluster/evidence.ts";
import type { HostRequest } from "../remote/request.ts";
import { HOST_STATE } from "../topology/host-places.ts";
import { print, progress } from "./output.ts";
import { run } from "./program.ts";

/**
 * The part of the operator's command that is done on a host, over ssh: reads what is wanted as JSON from the standard
 * input, and prints one JSON document.
 * @returns the exit code
 * @throws when the host runs another version of the program
 */
export async function answer(): Promise<number> {
  const request = JSON.parse(fs.readFileSync(0, "utf8")) as HostRequest;
  const { environment, inventory, program } = request;
  if (program !== programHash()) {
    throw new Error(
      `the host has another version of this program than the checkout; npx redis-ha converge --env ${environment} brings it`,
    );
  }
  if (request.override) process.env[OVERRIDE] = "1";
  speakAsAny(HOST_STATE, environment, inventory.nodes);
  const context = { environment, inventory, root: HOST_STATE, report: progress };
  switch (request.want) {
    case "command":
      return run([...request.argv], () => ({ chosen: request, root: HOST_STATE, hosts: undefined }));
    case "answers": {
      const { nodes, masterName } = inventory;
      const [redis, sentinels] = await Promise.all([askRedis(nodes), askSentinels(nodes, masterName)]);
      say({ redis, sentinels });
      return 0;
    }
    case "evidence":
      say(await askForEvidence(inventory));
      return 0;
    case "facts":
      say(await nodeFacts(nodeFolder(HOST_STATE, environment, request.node)));
      return 0;
    case "gate":
      await passGateFor(context, request.node, request.verb);
      say(true);
      return 0;
    case "elect":
      if (request.part === "evidence") say(await electEvidence(context));
      else say(await electOnHost(context, request.part, request.node));
      return 0;
  }
}

const say = (value: unknown): void => print(JSON.stringify(value));
