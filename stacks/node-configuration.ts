import type { TerraformIterator, TerraformStack } from "cdktf";
import type { NodeMembership } from "./node-membership.ts";
import type { NodeProgram } from "./node-program.ts";
import { TerraformData } from "./terraform-data.ts";

export interface NodeConfigurationProps {
  /** The specs of one zone's nodes by node name, the same as the membership's. */
  readonly specs: TerraformIterator;
  readonly membership: NodeMembership;
  readonly program: NodeProgram;
  /** How the hosts are reached, as JSON. @default - the nodes are on this computer */
  readonly reach: string | undefined;
}

/**
 * What a node is configured as: created, it delivers the spec and applies it.
 *
 * It is replaced whenever the spec changes, and has no destroy provisioner: a new configuration is no reason to stop a
 * node. The rendered files are triggers themselves, one key a file, so that a plan shows what changes in them line by line.
 */
export class NodeConfiguration extends TerraformData {
  public constructor(stack: TerraformStack, { specs, membership, program, reach }: NodeConfigurationProps) {
    super(stack, "configuration", {
      forEach: specs,
      triggersReplace:
        "${merge(each.value.files, {" +
        ' node = jsonencode({ for key, value in each.value : key => value if key != "files" }),' +
        // A dependency alone would not carry the replacement of a node on to its configuration.
        ` membership = terraform_data.${membership.friendlyUniqueId}[each.key].id` +
        " })}",
      provisioners: [
        {
          type: "local-exec",
          command: program.command("apply"),
          environment: {
            REDIS_HA_SPEC: "${jsonencode(each.value)}",
            ...(reach === undefined ? {} : { REDIS_HA_REACH: reach }),
          },
        },
      ],
    });
    this.overrideLogicalId("configuration");
  }
}
