import type { Environment } from "../environments/environment.ts";

/** The name of a zone's stack, of its folder, of its state and of its Terragrunt unit. */
export const zoneStackName = (environment: string, zone: string): string => `${environment}-zone-${zone}`;
/** The same for what the zones of an environment on AWS have in common below them: VPC, subnets, ways out. */
export const networkStackName = (environment: string): string => `${environment}-network`;
/** The same for what they have in common above the network: key, access, names, backups. */
export const foundationStackName = (environment: string): string => `${environment}-foundation`;

/** All stacks of an environment, in the order in which they are applied. */
export const stackNamesOf = ({ name, target, zones }: Environment): string[] => [
  ...(target.kind === "aws" ? [networkStackName(name), foundationStackName(name)] : []),
  ...Object.keys(zones).map((zone) => zoneStackName(name, zone)),
];
