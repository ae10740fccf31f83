import type { Environment } from "../environments/environment.ts";
import type { Reach } from "../remote/ssh.ts";

/** How the environment's hosts are reached, with paths as its description has them; undefined when they are not reached by ssh. */
export function reachOf({ target }: Environment): Reach | undefined {
  if (target.kind !== "ssh") return undefined;
  const { user, port, identityFile, proxyJump, proxyCommand, knownHostsFile } = target;
  return { user, port, identityFile, proxyJump, proxyCommand, knownHostsFile };
}
