import { onHost } from "../../topology/host-places.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import type { NodeFolder } from "../node-folder.ts";
import { Server, type ServerName } from "../server.ts";
import { SystemdServer } from "./systemd-server.ts";

/** The server as whoever starts it here needs it: systemd on a host of its own, else the agent. */
export const serverOf = (
  name: ServerName,
  spec: NodeSpec,
  folder: NodeFolder,
  log: (message: string) => void,
): Server => new (onHost(spec) ? SystemdServer : Server)(name, spec, folder, log);
