import type { EnvironmentInput } from "./environment.ts";

/** As prod, with smaller machines and one way out for all zones: what is to be done in prod is done here first. */
export const staging: EnvironmentInput = {
  name: "staging",
  target: {
    kind: "aws",
    region: "eu-central-1",
    accountId: "123456789012",
    vpcCidr: "10.20.0.0/16",
    egress: "single-nat",
    sessionManager: true,
    instanceType: "m7g.medium",
    imageId: "ami-0123456789abcdef0",
    dataVolumeGb: 20,
    publicKeys: [
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHrQJ7AO6nVZJdZd5cqGcgV5hinmtpCP9Vjq1luq3OCf example, whose private half was thrown away",
    ],
  },
  backend: { kind: "s3", bucket: "redis-ha-state-123456789012", region: "eu-central-1" },
  zones: {
    a: {
      availabilityZone: "eu-central-1a",
      subnetCidr: "10.20.1.0/24",
      publicSubnetCidr: "10.20.0.0/28",
      nodes: [{ name: "redis-a", address: "10.20.1.10" }],
    },
    b: {
      availabilityZone: "eu-central-1b",
      subnetCidr: "10.20.2.0/24",
      nodes: [{ name: "redis-b", address: "10.20.2.10" }],
    },
    c: {
      availabilityZone: "eu-central-1c",
      subnetCidr: "10.20.3.0/24",
      nodes: [{ name: "redis-c", address: "10.20.3.10" }],
    },
  },
  settings: {},
};
