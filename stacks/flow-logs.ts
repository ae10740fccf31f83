import { CloudwatchLogGroup } from "@cdktf/provider-aws/lib/cloudwatch-log-group/index.js";
import { FlowLog } from "@cdktf/provider-aws/lib/flow-log/index.js";
import { IamRole } from "@cdktf/provider-aws/lib/iam-role/index.js";
import { IamRolePolicy } from "@cdktf/provider-aws/lib/iam-role-policy/index.js";
import { Fn, type TerraformStack } from "cdktf";
import { Construct } from "constructs";

export interface FlowLogsProps {
  readonly vpcId: string;
  readonly prefix: string;
}

const KEPT_DAYS = 30;

/** Who spoke to whom in a VPC, and what was refused, kept for a month. */
export class FlowLogs extends Construct {
  public constructor(stack: TerraformStack, { vpcId, prefix }: FlowLogsProps) {
    super(stack, "flow-logs");
    const name = `${prefix}-flow-logs`;
    const group = new CloudwatchLogGroup(this, "group", { name, retentionInDays: KEPT_DAYS });
    const role = new IamRole(this, "role", {
      name,
      assumeRolePolicy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          { Effect: "Allow", Principal: { Service: "vpc-flow-logs.amazonaws.com" }, Action: "sts:AssumeRole" },
        ],
      }),
    });
    const policy = new IamRolePolicy(this, "policy", {
      name,
      role: role.id,
      policy: Fn.jsonencode({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Action: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            Resource: [group.arn, `${group.arn}:*`],
          },
        ],
      }),
    });
    new FlowLog(this, "log", {
      vpcId,
      trafficType: "ALL",
      iamRoleArn: role.arn,
      logDestination: group.arn,
      tags: { Name: prefix },
      dependsOn: [policy],
    });
  }
}
