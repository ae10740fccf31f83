import { CloudwatchLogGroup } from "@cdktf/provider-aws/lib/cloudwatch-log-group/index.js";
import { FlowLog } from "@cdktf/provider-aws/lib/flow-log/index.js";
import { IamRole } from "@cdktf/provider-aws/lib/iam-role/index.js";
import { IamRolePolicy } from "@cdktf/provider-aws/lib/iam-role-policy/index.js";
import type { TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { arnOf, type AwsEnvironment, prefixOf } from "./aws-environment.ts";

export interface FlowLogsProps {
  readonly environment: AwsEnvironment;
  readonly vpcId: string;
}

const KEPT_DAYS = 30;

/** Who spoke to whom in a VPC, and what was refused, kept for a month. */
export class FlowLogs extends Construct {
  public constructor(stack: TerraformStack, { environment, vpcId }: FlowLogsProps) {
    super(stack, "flow-logs");
    const prefix = prefixOf(environment);
    const name = `${prefix}-flow-logs`;
    const group = new CloudwatchLogGroup(this, "group", { name, retentionInDays: KEPT_DAYS });
    const role = new IamRole(this, "role", {
      name,
      assumeRolePolicy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: { Service: "vpc-flow-logs.amazonaws.com" },
            Action: "sts:AssumeRole",
            // The service acts for other accounts, too.
            Condition: { StringEquals: { "aws:SourceAccount": environment.target.accountId } },
          },
        ],
      }),
    });
    const policy = new IamRolePolicy(this, "policy", {
      name,
      role: role.id,
      policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Action: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            Resource: [group.arn, `${group.arn}:*`],
          },
          // The service looks for the group, which cannot be allowed for one alone.
          {
            Effect: "Allow",
            Action: ["logs:DescribeLogGroups"],
            Resource: [arnOf(environment, "logs:log-group:*")],
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
