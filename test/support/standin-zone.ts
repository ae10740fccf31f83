import type { EnvironmentInput } from "../../environments/environment.ts";
import { addEnvironment } from "../../stacks/environment-stacks.ts";
import { nodeOf, zoneOf } from "../environments/inputs.ts";
import { type AwsStack, awsStack } from "./aws-stack.ts";
import { StandInAws } from "./standin-aws.ts";

export type Change = (input: EnvironmentInput) => void;

/** What is below the zone. */
export const IDS = {
  network: { vpc_id: "vpc-0123456789abcdef0", subnet_id_a: "subnet-0123456789abcdef0" },
  foundation: {
    security_group_id: "sg-0123456789abcdef0",
    kms_key_id: "11111111-2222-3333-4444-555555555555",
    private_zone_id: "Z0123456789ABCDEFGHIJ",
  },
};

/** As much of it as a plan is compared with. */
export interface ZoneDocument extends Readonly<Record<string, unknown>> {
  readonly resource: AwsStack["resource"];
}

/** Zone a alone, with its state beside it, what is below it given, and without its provisioners: there are no hosts here. */
export async function zoneA(change?: Change): Promise<ZoneDocument> {
  const { terraform, resource, ...rest } = await awsStack(
    (app, environment) => addEnvironment(app, environment, import.meta.filename),
    change,
    "prod-zone-a",
  );
  const withoutProvisioner = (block: Record<string, unknown>) => ({ ...block, provisioner: undefined });
  const bare = Object.entries(resource).map(([type, named]) => [
    type,
    Object.fromEntries(Object.entries(named).map(([name, block]) => [name, withoutProvisioner(block)])),
  ]);
  return {
    ...rest,
    resource: Object.fromEntries(bare) as AwsStack["resource"],
    terraform: { ...terraform, backend: undefined },
    variable: Object.fromEntries(
      Object.entries(IDS).map(([name, ids]) => [name, { type: "map(string)", default: ids, nullable: true }]),
    ),
  };
}

/** The same, applied. @param standIn the environment of `standInProvider` */
export async function madeZoneA(standIn: Readonly<Record<string, string>>): Promise<StandInAws> {
  const aws = await StandInAws.create(standIn, await zoneA());
  await aws.put("aws_subnet", IDS.network.subnet_id_a, {
    cidr_block: "10.0.1.0/24",
    availability_zone: "eu-central-1a",
  });
  await aws.apply();
  return aws;
}

/** Another zone has three nodes instead, so that the environment stays a sound one. */
export const withoutNode = (input: EnvironmentInput): void => {
  const moved = nodeOf(input, "a");
  zoneOf(input, "a").nodes = [];
  input.zones["d"] = {
    availabilityZone: "eu-central-1a",
    subnetCidr: "10.0.4.0/24",
    nodes: [{ ...moved, name: "redis-d", address: "10.0.4.10" }],
  };
};
