import { IamInstanceProfile } from "@cdktf/provider-aws/lib/iam-instance-profile/index.js";
import { IamRole } from "@cdktf/provider-aws/lib/iam-role/index.js";
import { IamRolePolicy } from "@cdktf/provider-aws/lib/iam-role-policy/index.js";
import type { TerraformIterator, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { at } from "./address.ts";
import {
  arnOf,
  type AwsEnvironment,
  backupBucketOf,
  dnsSuffixOf,
  ec2MayAssume,
  hostKeysPathOf,
  prefixOf,
} from "./aws-environment.ts";

export interface HostRolesProps {
  readonly environment: AwsEnvironment;
  /** The specs of one zone's nodes by node name. */
  readonly nodes: TerraformIterator;
  /** An expression. */
  readonly kmsKeyId: string;
}

/** What Amazon's agent needs on a machine to offer Session Manager; none of it can be limited to a resource. */
const SESSION_MANAGER = [
  "ssm:UpdateInstanceInformation",
  "ssmmessages:CreateControlChannel",
  "ssmmessages:CreateDataChannel",
  "ssmmessages:OpenControlChannel",
  "ssmmessages:OpenDataChannel",
];

/**
 * What each machine may do in the account: say which ssh keys it has, and write and read its own node's backups. One role a node,
 * so that none may speak for another. Secrets are brought to it: it may read none.
 */
export class HostRoles extends Construct {
  /** The name of a node's instance profile, for a resource of the same `for_each`. */
  public readonly profile = "${aws_iam_instance_profile.host[each.key].name}";
  public readonly policy: IamRolePolicy;

  public constructor(stack: TerraformStack, { environment, nodes, kmsKeyId }: HostRolesProps) {
    super(stack, "host-roles");
    const name = `${prefixOf(environment)}-\${each.key}`;
    at(
      "host",
      new IamRole(this, "role", {
        forEach: nodes,
        name,
        assumeRolePolicy: ec2MayAssume,
      }),
    );
    const bucket = arnOf(environment, `s3:${backupBucketOf(environment)}`);
    const statement = (sid: string, actions: string[], resources: string[], condition?: object) => ({
      Sid: sid,
      Effect: "Allow",
      Action: actions,
      Resource: resources,
      ...(condition ? { Condition: condition } : {}),
    });
    this.policy = at(
      "host",
      new IamRolePolicy(this, "policy", {
        forEach: nodes,
        name,
        role: "${aws_iam_role.host[each.key].name}",
        policy: JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            statement(
              "SayHostKeys",
              ["ssm:PutParameter"],
              [arnOf(environment, `ssm:parameter${hostKeysPathOf(environment)}/\${each.value.node.address}`)],
            ),
            statement("OwnBackups", ["s3:GetObject", "s3:PutObject"], [`${bucket}/\${each.key}/*`]),
            statement("ListOwnBackups", ["s3:ListBucket"], [bucket], {
              StringLike: { "s3:prefix": "${each.key}/*" },
            }),
            statement(
              "KeyOfBackups",
              ["kms:Decrypt", "kms:GenerateDataKey"],
              [arnOf(environment, `kms:key/${kmsKeyId}`)],
              // It is the key of the disks too.
              {
                StringEquals: {
                  "kms:ViaService": `s3.${environment.target.region}.${dnsSuffixOf(environment.target.region)}`,
                },
              },
            ),
            ...(environment.target.sessionManager ? [statement("SessionManager", SESSION_MANAGER, ["*"])] : []),
          ],
        }),
      }),
    );
    at(
      "host",
      new IamInstanceProfile(this, "profile", {
        forEach: nodes,
        name,
        role: "${aws_iam_role.host[each.key].name}",
      }),
    );
  }
}
