import { Eip } from "@cdktf/provider-aws/lib/eip/index.js";
import { IamInstanceProfile } from "@cdktf/provider-aws/lib/iam-instance-profile/index.js";
import { IamRole } from "@cdktf/provider-aws/lib/iam-role/index.js";
import { IamRolePolicy } from "@cdktf/provider-aws/lib/iam-role-policy/index.js";
import { Instance } from "@cdktf/provider-aws/lib/instance/index.js";
import { NetworkInterface } from "@cdktf/provider-aws/lib/network-interface/index.js";
import { SsmParameter } from "@cdktf/provider-aws/lib/ssm-parameter/index.js";
import type { TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { bastionOf } from "../environments/bastion.ts";
import { bastionZone } from "../environments/network.ts";
import { at } from "./address.ts";
import {
  arnOf,
  type AwsEnvironment,
  BASTION,
  bastionAddressPathOf,
  ec2MayAssume,
  hostKeysPathOf,
  METADATA_BY_SESSION,
  prefixOf,
} from "./aws-environment.ts";
import { firstBootScript } from "./first-boot.ts";
import { checkImage } from "./image-check.ts";
import type { PublicSubnets } from "./public-subnets.ts";

export interface BastionProps {
  readonly environment: AwsEnvironment;
  /** The security group of the bastion. */
  readonly groupId: string;
  readonly publicSubnets: PublicSubnets;
}

/**
 * A machine with a public address by which ssh gets to the nodes. It holds nothing: no secret, no key of an operator, no right but to say
 * which ssh keys it has. Address and keys are in Parameter Store, where commands find them. Nothing, where the environment has none.
 */
export class Bastion extends Construct {
  public constructor(stack: TerraformStack, { environment, groupId, publicSubnets }: BastionProps) {
    super(stack, "bastion");
    const bastion = bastionOf(environment.target);
    const zone = bastionZone(environment);
    if (bastion === undefined || zone === undefined) return;
    const tags = { Name: `${prefixOf(environment)}-${BASTION}` };
    const { imageId, instanceType } = bastion;
    checkImage(this, { environment, imageId, instanceType, path: "target.bastion", machines: [tags.Name] });

    // The address belongs to an interface of its own: it is there at the first boot, which needs it, and outlives the machine.
    const networkInterface = at(
      BASTION,
      new NetworkInterface(this, "network", { subnetId: publicSubnets.of(zone), securityGroups: [groupId], tags }),
    );
    const address = at(
      BASTION,
      new Eip(this, "address", {
        domain: "vpc",
        networkInterface: networkInterface.id,
        tags,
        dependsOn: [...publicSubnets.wayOut],
      }),
    );
    at(
      "bastion-address",
      new SsmParameter(this, "said-address", {
        name: bastionAddressPathOf(environment),
        description: "By which address ssh gets to the bastion",
        type: "String",
        value: address.publicIp,
      }),
    );
    const { profile, policy } = this.role(environment);
    at(
      BASTION,
      new Instance(this, "machine", {
        ami: imageId,
        instanceType,
        primaryNetworkInterface: { networkInterfaceId: networkInterface.id },
        iamInstanceProfile: profile.name,
        userData: firstBootScript(environment, {
          name: BASTION,
          hostKeys: `${hostKeysPathOf(environment)}/${BASTION}`,
          isNode: false,
        }),
        // Who may log in follows the description: other keys make another bastion.
        userDataReplaceOnChange: true,
        metadataOptions: METADATA_BY_SESSION,
        rootBlockDevice: { volumeType: "gp3", encrypted: true, deleteOnTermination: true },
        tags,
        // Its first boot uses the role's rights and the way to Parameter Store.
        dependsOn: [policy, address, ...publicSubnets.wayOut],
      }),
    );
  }

  private role(environment: AwsEnvironment) {
    // No node's role can have this name, as no node's name has such a character.
    const name = `${prefixOf(environment)}_${BASTION}`;
    const role = at(BASTION, new IamRole(this, "role", { name, assumeRolePolicy: ec2MayAssume }));
    const policy = new IamRolePolicy(this, "policy", {
      name,
      role: role.name,
      policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Sid: "SayHostKeys",
            Effect: "Allow",
            Action: ["ssm:PutParameter"],
            Resource: [arnOf(environment, `ssm:parameter${hostKeysPathOf(environment)}/${BASTION}`)],
          },
        ],
      }),
    });
    const profile = new IamInstanceProfile(this, "profile", { name, role: role.name });
    return { profile: at(BASTION, profile), policy: at(BASTION, policy) };
  }
}
