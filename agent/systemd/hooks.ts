import { setTimeout as delay } from "node:timers/promises";
import { allNodes, type NodeSpec } from "../../topology/node-spec.ts";
import { askAgent, NoAgent } from "../control.ts";
import { appliedSpec, type NodeFolder } from "../node-folder.ts";
import { speakAsAgent } from "../secrets.ts";
import { waitFor } from "../processes.ts";
import type { ServerName } from "../server.ts";
import type { Report } from "../session.ts";
import { serverOf } from "./server-of.ts";

/** The units are enabled before the first apply has brought the node's spec. */
const FIRST_APPLY_MS = 60_000;
/** systemd starts again at once what did not start; whoever waits for a decision need not ask ten times a second. */
const PAUSE_MS = 1000;

/**
 * The step before systemd starts a server: by the agent, which may be at work on the end of the process before; where
 * there is none, by itself.
 * @throws when it must not start now, after a pause
 */
export async function prestartHook(name: ServerName, folder: NodeFolder, report: Report): Promise<void> {
  const spec = await untilApplied(folder);
  try {
    const { error } = await askAgent(folder.socket, { do: "prepare", server: name });
    if (error !== undefined) throw new Error(error);
  } catch (error) {
    if (error instanceof NoAgent) {
      report(`the agent does not run; ${name} is prepared without it`);
      return prepareAlone(name, spec, folder, report);
    }
    await delay(PAUSE_MS);
    throw error;
  }
}

async function prepareAlone(name: ServerName, spec: NodeSpec, folder: NodeFolder, report: Report): Promise<void> {
  speakAsAgent(allNodes(spec), folder);
  await serverOf(name, spec, folder, report)
    .prepare()
    .catch(async (error: Error) => {
      await delay(PAUSE_MS);
      throw error;
    });
}

export const untilApplied = (folder: NodeFolder): Promise<NodeSpec> =>
  waitFor(`${folder.spec} is there`, () => appliedSpec(folder), FIRST_APPLY_MS, 100);
