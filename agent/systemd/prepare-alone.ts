import { allNodes, type NodeSpec } from "../../topology/node-spec.ts";
import type { NodeFolder } from "../node-folder.ts";
import { speakAsAgent } from "../secrets.ts";
import type { ServerName } from "../server.ts";
import type { Report } from "../session.ts";
import { serverOf } from "./server-of.ts";

/** The step before systemd starts a server, where no agent runs. @throws when it must not start now */
export async function prepareAlone(
  name: ServerName,
  spec: NodeSpec,
  folder: NodeFolder,
  report: Report,
): Promise<void> {
  speakAsAgent(allNodes(spec), folder);
  await serverOf(name, spec, folder, report).prepare();
}
