import { endpointsOf, type Problem, type Rule } from "./rule.ts";

/** Names, addresses and ports of the nodes. */

export const duplicateNames: Rule = ({ nodes }) =>
  nodes.flatMap((node, index) => {
    const first = nodes.findIndex((other) => other.name === node.name);
    return first === index
      ? []
      : [
          {
            path: `${node.path}.name`,
            message: `${node.name} is also the name of ${nodes[first]?.path}; give every node its own`,
          },
        ];
  });

export const twoProxies: Rule = ({ environment: { target } }) =>
  target.kind !== "local" && target.proxyJump !== undefined && target.proxyCommand !== undefined
    ? [{ path: "target.proxyCommand", message: "there is proxyJump too, and ssh takes one way; remove one of the two" }]
    : [];

export const missingLocalPort: Rule = ({ environment, nodes }) =>
  environment.target.kind !== "local"
    ? []
    : nodes.flatMap((node) => {
        const problems: Problem[] = [];
        const why = "all nodes of this target share one address; give this node a port of its own";
        if (node.runsRedis && node.redisPort === undefined)
          problems.push({ path: `${node.path}.port`, message: `missing, and ${why}` });
        if (node.runsSentinel && node.sentinelPort === undefined)
          problems.push({ path: `${node.path}.sentinelPort`, message: `missing, and ${why}` });
        return problems;
      });

export const addressNotLoopback: Rule = ({ environment, nodes }) =>
  environment.target.kind !== "local"
    ? []
    : nodes
        .filter(({ address }) => address !== undefined && !address.startsWith("127."))
        .map(({ path, address }) => ({
          path: `${path}.address`,
          message: `${address} is no loopback address, and the target local runs every node on this computer; remove it, or use the target ssh`,
        }));

export const missingAddress: Rule = ({ environment, nodes }) =>
  nodes
    .filter(({ address }) => address === undefined)
    .map(({ path }) => ({
      path: `${path}.address`,
      message:
        environment.target.kind === "aws"
          ? "missing; give the node a fixed IPv4 address in its zone's subnet"
          : "missing; give the IPv4 address at which the other nodes and the clients reach this host",
    }));

export const portWithoutServer: Rule = ({ nodes }) =>
  nodes.flatMap((node) => {
    const problems: Problem[] = [];
    if (!node.runsRedis && node.entry.port !== undefined)
      problems.push({
        path: `${node.path}.port`,
        message: `${node.name} runs no redis-server; remove the port, or add "redis" to its runs`,
      });
    if (!node.runsSentinel && node.entry.sentinelPort !== undefined)
      problems.push({
        path: `${node.path}.sentinelPort`,
        message: `${node.name} runs no redis-sentinel; remove the port, or add "sentinel" to its runs`,
      });
    return problems;
  });

/** On a host of its own a node owns fixed folders and units, so that two nodes cannot share it by different ports. */
export const sharedHost: Rule = ({ environment, nodes }) =>
  environment.target.kind === "local"
    ? []
    : nodes.flatMap((node, index) => {
        const first = nodes.findIndex(({ address }) => address !== undefined && address === node.address);
        return first === -1 || first === index
          ? []
          : [
              {
                path: `${node.path}.address`,
                message: `${node.address} is also the address of ${nodes[first]?.name} (${nodes[first]?.path}); a host runs one node, give this one another`,
              },
            ];
      });

/** Between hosts `sharedHost` speaks; here only the two servers of one node can meet. */
export const sharedPort: Rule = ({ environment, nodes }) => {
  const everywhere = environment.target.kind === "local";
  const endpoints = endpointsOf(nodes);
  return endpoints.flatMap((endpoint, index) => {
    const first = endpoints.findIndex(
      (other) =>
        other.address === endpoint.address &&
        other.port === endpoint.port &&
        (everywhere || other.node === endpoint.node),
    );
    const other = endpoints[first];
    return first === index || !other
      ? []
      : [
          {
            path: endpoint.path,
            message: `${endpoint.address}:${endpoint.port} is taken by the ${other.server} of ${other.node.name} (${other.path}); use another port`,
          },
        ];
  });
};
