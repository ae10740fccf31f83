import { bastionType } from "../bastion.ts";
import { architectureOf } from "../instance-types.ts";
import { awsTarget } from "./aws.ts";
import type { Rule } from "./rule.ts";

/** What a bastion asks of the rest of the description. Who may log in to it is checked with clients and operators. */

export const bastionInAnotherVpc: Rule = (subject) => {
  const { bastion, vpcId } = awsTarget(subject) ?? {};
  return bastion === undefined || vpcId === undefined
    ? []
    : [
        {
          path: "target.bastion",
          message: `is for a VPC that is made, and target.vpcId names one; remove it, name your own bastion in target.proxyJump, and let it in by target.operators`,
        },
      ];
};

export const bastionAndProxy: Rule = (subject) => {
  const target = awsTarget(subject);
  const other = (["proxyJump", "proxyCommand"] as const).find((field) => target?.[field] !== undefined);
  return target?.bastion === undefined || other === undefined
    ? []
    : [
        {
          path: `target.${other}`,
          message: "there is a bastion too, and ssh goes through that by itself; remove one of the two",
        },
      ];
};

/** Of its image, as far as it is known before AWS is asked. */
export const bastionArchitecture: Rule = (subject) => {
  const target = awsTarget(subject);
  if (target?.bastion === undefined) return [];
  const type = bastionType(target);
  if (type === undefined) {
    const message = `missing; the architecture of target.instanceType ${target.instanceType} is not known here: use t4g.nano for an arm64 image, t3.nano for x86_64`;
    return [{ path: "target.bastion.instanceType", message }];
  }
  const [its, machines] = [architectureOf(type), architectureOf(target.instanceType)];
  return target.bastion.imageId !== undefined || its === undefined || machines === undefined || its === machines
    ? []
    : [
        {
          path: "target.bastion.instanceType",
          message: `${type} is ${its}, and target.imageId is an image for ${machines}, as ${target.instanceType} is; give target.bastion.imageId, or remove this`,
        },
      ];
};
