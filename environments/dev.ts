import type { EnvironmentInput } from "./environment.ts";

/**
 * The smallest cluster that fails over, on AWS: one master, one read replica, and a witness that only votes. Account, image and key are
 * examples: docs/aws.md says how to find yours. With another account's credentials, every plan stops.
 */
export const dev: EnvironmentInput = {
  name: "dev",
  target: {
    kind: "aws",
    region: "eu-central-1",
    accountId: "123456789012",
    vpcCidr: "10.10.0.0/16",
    egress: "single-nat",
    sessionManager: true,
    instanceType: "t4g.medium",
    witnessInstanceType: "t4g.small",
    imageId: "ami-0123456789abcdef0",
    dataVolumeGb: 10,
    terminationProtection: false,
    publicKeys: [
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHrQJ7AO6nVZJdZd5cqGcgV5hinmtpCP9Vjq1luq3OCf example, whose private half was thrown away",
    ],
  },
  backend: { kind: "s3", bucket: "redis-ha-state-123456789012", region: "eu-central-1" },
  zones: {
    a: {
      availabilityZone: "eu-central-1a",
      subnetCidr: "10.10.1.0/24",
      publicSubnetCidr: "10.10.0.0/28",
      nodes: [{ name: "redis-a", address: "10.10.1.10" }],
    },
    b: {
      availabilityZone: "eu-central-1b",
      subnetCidr: "10.10.2.0/24",
      nodes: [{ name: "redis-b", address: "10.10.2.10" }],
    },
    c: {
      availabilityZone: "eu-central-1c",
      subnetCidr: "10.10.3.0/24",
      nodes: [{ name: "witness-c", runs: ["sentinel"], address: "10.10.3.10" }],
    },
  },
  settings: {},
};
