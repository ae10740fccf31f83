import { type Attributes, StandInAws } from "../support/standin-aws.ts";
import { standInOrNothing } from "../support/terraform-providers.ts";

/** The environment that names the stand-in; undefined where it cannot be built. */
export const standIn = await standInOrNothing();

export type Blocks = Record<string, Record<string, Record<string, unknown>>>;

const terraform = { required_providers: { aws: { source: "hashicorp/aws", version: "6.25.0" } } };
const provider = {
  aws: {
    region: "eu-central-1",
    allowed_account_ids: ["123456789012"],
    default_tags: [{ tags: { Project: "redis-ha", Kind: "default" } }],
  },
};

/** A machine with a network interface and a data volume of its own, in a network of its own. */
export const machine = (): Blocks => ({
  aws_vpc: { vpc: { cidr_block: "10.0.0.0/16", tags: { Name: "it", Kind: "network" } } },
  aws_subnet: {
    a: { vpc_id: "${aws_vpc.vpc.id}", cidr_block: "10.0.1.0/24", availability_zone: "eu-central-1a" },
  },
  aws_security_group: { members: { name: "members", description: "Members", vpc_id: "${aws_vpc.vpc.id}" } },
  aws_vpc_security_group_ingress_rule: {
    redis: {
      security_group_id: "${aws_security_group.members.id}",
      ...{ ip_protocol: "tcp", from_port: 6379, to_port: 6379, cidr_ipv4: "10.0.0.0/16" },
    },
  },
  aws_network_interface: {
    it: {
      subnet_id: "${aws_subnet.a.id}",
      private_ips: ["10.0.1.10"],
      security_groups: ["${aws_security_group.members.id}"],
    },
  },
  aws_ebs_volume: { data: { availability_zone: "eu-central-1a", size: 20, type: "gp3", encrypted: true } },
  aws_instance: {
    it: {
      ami: "ami-0123456789abcdef0",
      instance_type: "m7g.large",
      primary_network_interface: [{ network_interface_id: "${aws_network_interface.it.id}" }],
      metadata_options: [{ http_tokens: "required" }],
      root_block_device: [{ encrypted: true, volume_size: 10 }],
      timeouts: { create: "10m" },
    },
  },
  aws_volume_attachment: {
    data: {
      device_name: "/dev/sdf",
      volume_id: "${aws_ebs_volume.data.id}",
      instance_id: "${aws_instance.it.id}",
    },
  },
});

/** Changes attributes of one resource of it. */
export const machineWith = (type: string, changes: Attributes): Blocks => {
  const resources = machine();
  for (const attributes of Object.values(resources[type] ?? {})) Object.assign(attributes, changes);
  return resources;
};

export const documentOf = (resource: object | undefined, more: object = {}) => ({
  terraform,
  provider,
  resource,
  ...more,
});
export const create = (resource: object | undefined, more: object = {}): Promise<StandInAws> =>
  StandInAws.create(standIn ?? {}, documentOf(resource, more));

/** All of it, applied. */
export async function applied(resource: Blocks = machine()): Promise<StandInAws> {
  const aws = await create(resource);
  await aws.apply();
  return aws;
}
