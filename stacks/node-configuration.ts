import { NullProvider } from "@cdktf/provider-null/lib/provider/index.js";
import { Resource as NullResource } from "@cdktf/provider-null/lib/resource/index.js";
import { Token } from "cdktf";
import type { TerraformIterator, TerraformMetaArguments, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import type { Machines } from "./machines.ts";
import type { NodeMembership } from "./node-membership.ts";
import { NodeProgram } from "./node-program.ts";
import { TerraformData } from "./terraform-data.ts";

export interface NodeConfigurationProps {
  /** The specs of one zone's nodes by node name, the same as the membership's. */
  readonly specs: TerraformIterator;
  readonly membership: NodeMembership;
  readonly program: NodeProgram;
  /** How the hosts are reached, as JSON. @default - the nodes are on this computer */
  readonly reach: string | undefined;
  /** The machines that are made for the nodes. @default - they are there already */
  readonly machines?: Machines | undefined;
}

/**
 * What a node is configured as: created, it delivers the spec and applies it.
 *
 * It is replaced whenever the spec changes, and has no destroy provisioner: a new configuration is no reason to stop a
 * node. The rendered files are triggers themselves, one key a file, so that a plan shows what changes in them line by line; of the
 * units, which nobody sets, it shows that they change.
 *
 * On hosts it is a `null_resource`; on this computer a `terraform_data`, for which nothing has to be downloaded.
 */
export class NodeConfiguration extends Construct {
  public constructor(stack: TerraformStack, { specs, membership, program, reach, machines }: NodeConfigurationProps) {
    super(stack, "configuration");
    const triggers =
      '${merge({ for name, text in each.value.files : name => endswith(name, ".service") ? sha256(text) : text }, {' +
      ' node = jsonencode({ for key, value in each.value : key => value if key != "files" }),' +
      // A dependency alone would not carry the replacement of a node on to its configuration.
      ` membership = terraform_data.${membership.friendlyUniqueId}[each.key].id` +
      // The file system of a volume that has grown grows with it.
      (machines ? `, volume_gb = ${machines.volumeGb}` : "") +
      " })}";
    const rest: TerraformMetaArguments = {
      forEach: specs,
      provisioners: [
        {
          type: "local-exec",
          command: program.command("apply"),
          environment: NodeProgram.environment(reach, machines),
        },
      ],
    };
    const onHosts = reach !== undefined;
    if (onHosts) new NullProvider(this, "null");
    const resource = onHosts
      ? new NullResource(this, "Resource", { triggers: Token.asStringMap(triggers), ...rest })
      : new TerraformData(this, "Resource", { triggersReplace: triggers, ...rest });
    resource.overrideLogicalId("configuration");
  }
}
