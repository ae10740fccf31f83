import { AwsProvider } from "@cdktf/provider-aws/lib/provider/index.js";
import type { TerraformStack } from "cdktf";
import type { AwsTarget, Environment } from "../environments/environment.ts";
import { example } from "../environments/example.ts";
import { tagsOf } from "./tags.ts";

/** An environment whose machines are on AWS. */
export type AwsEnvironment = Environment & { readonly target: AwsTarget };

export const isOnAws = (environment: Environment): environment is AwsEnvironment => environment.target.kind === "aws";

/** Has nobody filled it in? */
export const isExample = ({ target }: AwsEnvironment): boolean => target.accountId === example.accountId;

/** What everything of an environment has in its name: `<project>-<environment>`. */
export const prefixOf = ({ project, name }: Environment): string => `${project}-${name}`;

/** The domain of the nodes' names, which only the VPC knows: `redis-a.prod.redis-ha.internal`. */
export const privateDomainOf = ({ project, name }: Environment): string => `${name}.${project}.internal`;

/** Where in Parameter Store each machine says which ssh keys it has, by address. Not among the secrets, whose store is all that is below its path. */
export const hostKeysPathOf = ({ project, name }: Environment): string => `/ssh-host-keys/${project}/${name}`;

/** What the bastion is called among the hosts' keys, where nodes have their addresses, and in names. */
export const BASTION = "bastion";

/** Where in Parameter Store the bastion's public address is. What may be read of the keys may be read of this. */
export const bastionAddressPathOf = (environment: Environment): string =>
  `${hostKeysPathOf(environment)}/bastion-address`;

/** Names of buckets are those of all accounts. */
export const backupBucketOf = (environment: AwsEnvironment): string =>
  `${prefixOf(environment)}-backups-${environment.target.accountId}`;

/** What names of AWS's own hosts end with. */
export const dnsSuffixOf = (region: string): string =>
  region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";

/** That a role is for machines: a policy. */
export const ec2MayAssume = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

/** A machine's metadata, with its role's credentials, for the machine alone: a request that it forwards for others gets none. */
export const METADATA_BY_SESSION = {
  httpEndpoint: "enabled",
  httpTokens: "required",
  httpPutResponseHopLimit: 1,
} as const;

/** The ARN of something in the account and the region of an environment; `service:rest`, as ssm:parameter/x. */
export function arnOf({ target: { region, accountId } }: AwsEnvironment, resource: string): string {
  const partition = region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
  const [service = "", ...rest] = resource.split(":");
  // Buckets have neither.
  const place = service === "s3" ? ":" : `${region}:${accountId}`;
  return `arn:${partition}:${service}:${place}:${rest.join(":")}`;
}

/**
 * The provider, for the one account and the region of the environment: with other credentials, a plan stops. Everything
 * that it makes says whose it is.
 */
export function addAwsProvider(stack: TerraformStack, environment: AwsEnvironment): void {
  const { target } = environment;
  new AwsProvider(stack, "aws", {
    region: target.region,
    allowedAccountIds: [target.accountId],
    defaultTags: [{ tags: tagsOf(environment) }],
  });
}

/** May the data volumes of all zones be deleted? */
export const releasesAllData = ({ zones }: Environment): boolean =>
  Object.values(zones).every(({ nodes, releaseDataVolume }) => nodes.length === 0 || releaseDataVolume === true);
