import type { NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";

/**
 * The spec of the same node at another address.
 * @param addressOf IPv4 address by name of node
 * @throws when a file lacks a line that names the address
 */
export function movedSpec(spec: NodeSpec, addressOf: (node: string) => string): NodeSpec {
  const moved = (node: TopologyNode): TopologyNode => ({ ...node, address: addressOf(node.name) });
  const address = addressOf(spec.node.name);
  const lines = { bind: `${address} 127.0.0.1` };
  const { "redis.conf": redis, "sentinel.conf": sentinel } = spec.files;
  return {
    ...spec,
    target: "local",
    node: moved(spec.node),
    peers: spec.peers.map(moved),
    files: {
      ...spec.files,
      ...(redis === undefined ? {} : { "redis.conf": withLines(redis, { ...lines, "replica-announce-ip": address }) }),
      ...(sentinel === undefined
        ? {}
        : { "sentinel.conf": withLines(sentinel, { ...lines, "sentinel announce-ip": address }) }),
    },
  };
}

function withLines(text: string, lines: Readonly<Record<string, string>>): string {
  return Object.entries(lines).reduce((result, [key, value]) => {
    const line = new RegExp(`^${key} .*$`, "m");
    if (!line.test(result)) throw new Error(`no line "${key} ..." in the file, so it cannot be moved:\n${text}`);
    return result.replace(line, `${key} ${value}`);
  }, text);
}
