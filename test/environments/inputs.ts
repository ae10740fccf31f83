import type { EnvironmentInput } from "../../environments/environment.ts";
import { InvalidEnvironmentError, parseEnvironments } from "../../environments/parse.ts";

/** Valid environments to change one thing in. */

export const localInput = (): EnvironmentInput => ({
  name: "base",
  target: { kind: "local" },
  zones: {
    a: { nodes: [{ name: "redis-a", port: 6501, sentinelPort: 26501 }] },
    b: { nodes: [{ name: "redis-b", port: 6502, sentinelPort: 26502 }] },
    c: { nodes: [{ name: "redis-c", port: 6503, sentinelPort: 26503 }] },
  },
  settings: { maxMemoryMb: 100 },
});

export const sshInput = (): EnvironmentInput => ({
  name: "hosts",
  target: { kind: "ssh", user: "admin", knownHostsFile: "known_hosts", hostMemoryMb: 8192 },
  zones: {
    a: { nodes: [{ name: "redis-a", address: "10.0.1.10" }] },
    b: { nodes: [{ name: "redis-b", address: "10.0.2.10" }] },
    c: { nodes: [{ name: "redis-c", address: "10.0.3.10" }] },
  },
  settings: { maxMemoryMb: 2048 },
});

export const awsInput = (): EnvironmentInput => ({
  name: "prod",
  target: {
    kind: "aws",
    region: "eu-central-1",
    accountId: "123456789012",
    vpcCidr: "10.0.0.0/16",
    instanceType: "m7g.large",
    imageId: "ami-0123456789abcdef0",
    dataVolumeGb: 20,
    operators: { cidrs: ["10.9.0.0/16"] },
    publicKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q operator"],
  },
  backend: { kind: "s3", bucket: "state-bucket", region: "eu-central-1" },
  zones: {
    a: {
      availabilityZone: "eu-central-1a",
      subnetCidr: "10.0.1.0/24",
      publicSubnetCidr: "10.0.255.0/28",
      nodes: [{ name: "redis-a", address: "10.0.1.10" }],
    },
    b: {
      availabilityZone: "eu-central-1b",
      subnetCidr: "10.0.2.0/24",
      publicSubnetCidr: "10.0.255.16/28",
      nodes: [{ name: "redis-b", address: "10.0.2.10" }],
    },
    c: {
      availabilityZone: "eu-central-1c",
      subnetCidr: "10.0.3.0/24",
      publicSubnetCidr: "10.0.255.32/28",
      nodes: [{ name: "redis-c", address: "10.0.3.10" }],
    },
  },
  settings: { maxMemoryMb: 2048 },
});

/** The zone of this name, made when it is not there. */
export const zoneOf = (input: EnvironmentInput, name: string) => (input.zones[name] ??= { nodes: [] });

export type NodeInput = EnvironmentInput["zones"][string]["nodes"][number];

/** The node at `zones.<zone>.nodes[index]`. */
export function nodeOf(input: EnvironmentInput, zone: string, index = 0): NodeInput {
  const node = input.zones[zone]?.nodes[index];
  if (!node) throw new Error(`the test's environment has no node ${zone}[${index}]`);
  return node;
}

let lastPort = 7000;

/** A further node for the target `local`, on ports that nothing else in the test uses. */
export function extraNode(name: string, runs: NodeInput["runs"] = ["redis", "sentinel"]): NodeInput {
  return {
    name,
    runs,
    ...(runs.includes("redis") ? { port: ++lastPort } : {}),
    ...(runs.includes("sentinel") ? { sentinelPort: ++lastPort } : {}),
  };
}

/** The lines of the error that the environments raise; none when they are valid. */
export function linesOf(inputs: readonly unknown[], computerMemoryMb = 16_384): string[] {
  try {
    parseEnvironments(inputs as EnvironmentInput[], { computerMemoryMb });
    return [];
  } catch (error) {
    if (!(error instanceof InvalidEnvironmentError)) throw error;
    return error.message.split("\n");
  }
}
