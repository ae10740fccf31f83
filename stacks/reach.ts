import type { Environment } from "../environments/environment.ts";
import { type Reach, SESSION_MANAGER } from "../remote/reach.ts";
import { type AwsEnvironment, BASTION, bastionAddressPathOf, hostKeysPathOf, isOnAws } from "./aws-environment.ts";

/** How the environment's hosts are reached, with paths as its description has them; undefined when they are on this computer. */
export function reachOf(environment: Environment): Reach | undefined {
  const { target } = environment;
  if (target.kind === "local") return undefined;
  const { user, identityFile, proxyJump, proxyCommand } = target;
  const how = { user, identityFile, proxyJump, proxyCommand };
  if (isOnAws(environment)) return { ...how, proxyCommand: proxyOnAws(environment), ...reachOnAws(environment) };
  return target.kind === "ssh" ? { ...how, port: target.port, knownHostsFile: target.knownHostsFile } : undefined;
}

/** Machines, and the bastion, say themselves which keys they have. What they have said is noted beside the environment's state. */
function reachOnAws(environment: AwsEnvironment): Pick<Reach, "port" | "knownHostsFile" | "hostKeys" | "bastion"> {
  const { target, name } = environment;
  const noted = `.state/${name}`;
  return {
    port: 22,
    knownHostsFile: `${noted}/known_hosts`,
    hostKeys: { region: target.region, path: hostKeysPathOf(environment) },
    ...(target.bastion === undefined
      ? {}
      : {
          bastion: {
            name: BASTION,
            addressPath: bastionAddressPathOf(environment),
            addressFile: `${noted}/bastion`,
          },
        }),
  };
}

/** The description's own, or the one by Session Manager where nothing else is said. */
function proxyOnAws({ project, name, target }: AwsEnvironment): string | undefined {
  const { sessionManager, proxyCommand, proxyJump, bastion, region } = target;
  return sessionManager && proxyCommand === undefined && proxyJump === undefined && bastion === undefined
    ? `sh ${SESSION_MANAGER} ${region} ${project} ${name} %h %p`
    : proxyCommand;
}
