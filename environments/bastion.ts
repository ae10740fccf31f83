import type { AwsTarget } from "./environment.ts";
import { architectureOf } from "./instance-types.ts";

/** A bastion as it is described, with every default filled in. */
export interface Bastion {
  readonly cidrs: readonly string[];
  readonly instanceType: string;
  readonly imageId: string;
}

/** The smallest type that EC2 has of each architecture: it passes on what others say. */
const SMALLEST = { arm64: "t4g.nano", x86_64: "t3.nano" } as const;

/** @returns undefined where the machines' architecture is not known, and the description names no type */
export function bastionType({ bastion, instanceType }: AwsTarget): string | undefined {
  const architecture = architectureOf(instanceType);
  return bastion?.instanceType ?? (architecture && SMALLEST[architecture]);
}

/** @returns undefined where none is described. @throws for what the rules refuse */
export function bastionOf(target: AwsTarget): Bastion | undefined {
  if (target.bastion === undefined) return undefined;
  const instanceType = bastionType(target);
  if (instanceType === undefined) throw new Error("target.bastion: its instance type is not known");
  return { cidrs: target.bastion.cidrs, instanceType, imageId: target.bastion.imageId ?? target.imageId };
}
