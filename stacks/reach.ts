import type { Environment } from "../environments/environment.ts";
import type { Reach } from "../remote/ssh.ts";
import { hostKeysPathOf } from "./aws-environment.ts";

/** How the environment's hosts are reached, with paths as its description has them; undefined when they are on this computer. */
export function reachOf(environment: Environment): Reach | undefined {
  const { target, name } = environment;
  if (target.kind === "local") return undefined;
  const { user, identityFile, proxyJump, proxyCommand } = target;
  const how = { user, identityFile, proxyJump, proxyCommand };
  if (target.kind === "ssh") return { ...how, port: target.port, knownHostsFile: target.knownHostsFile };
  const hostKeys = { region: target.region, path: hostKeysPathOf(environment) };
  return { ...how, port: 22, knownHostsFile: `.state/${name}/known_hosts`, hostKeys };
}
