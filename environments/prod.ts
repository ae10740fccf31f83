import type { EnvironmentInput } from "./environment.ts";

/** A master and two replicas in three availability zones on AWS, each of which may fail. docs/aws.md says what is yours to fill in. */
export const prod: EnvironmentInput = {
  name: "prod",
  target: {
    kind: "aws",
    region: "eu-central-1",
    accountId: "123456789012",
    vpcCidr: "10.30.0.0/16",
    sessionManager: true,
    instanceType: "r7g.large",
    imageId: "ami-0123456789abcdef0",
    dataVolumeGb: 40,
    publicKeys: [
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHrQJ7AO6nVZJdZd5cqGcgV5hinmtpCP9Vjq1luq3OCf example, whose private half was thrown away",
    ],
  },
  backend: { kind: "s3", bucket: "redis-ha-state-123456789012", region: "eu-central-1" },
  zones: {
    a: {
      availabilityZone: "eu-central-1a",
      subnetCidr: "10.30.1.0/24",
      publicSubnetCidr: "10.30.0.0/28",
      nodes: [{ name: "redis-a", address: "10.30.1.10" }],
    },
    b: {
      availabilityZone: "eu-central-1b",
      subnetCidr: "10.30.2.0/24",
      publicSubnetCidr: "10.30.0.16/28",
      nodes: [{ name: "redis-b", address: "10.30.2.10" }],
    },
    c: {
      availabilityZone: "eu-central-1c",
      subnetCidr: "10.30.3.0/24",
      publicSubnetCidr: "10.30.0.32/28",
      nodes: [{ name: "redis-c", address: "10.30.3.10" }],
    },
  },
  settings: {},
};
