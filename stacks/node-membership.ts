import type { TerraformIterator, TerraformStack } from "cdktf";
import type { Machines } from "./machines.ts";
import { NodeProgram } from "./node-program.ts";
import { TerraformData } from "./terraform-data.ts";

export interface NodeMembershipProps {
  /** The specs of one zone's nodes by node name; none is fine, and is how a zone is emptied. */
  readonly specs: TerraformIterator;
  readonly program: NodeProgram;
  /** How the hosts are reached, as JSON. @default - the nodes are on this computer */
  readonly reach: string | undefined;
  /** The machines that are made for the nodes. @default - they are there already */
  readonly machines?: Machines | undefined;
}

/**
 * That a node belongs to the cluster: created, it installs the machine's software; destroyed, it retires the node.
 *
 * One block for all nodes of the zone, also for none: Terraform runs a destroy provisioner only while the block that
 * holds it is still there.
 */
export class NodeMembership extends TerraformData {
  public constructor(stack: TerraformStack, { specs, program, reach, machines }: NodeMembershipProps) {
    super(stack, "membership", {
      forEach: specs,
      // What makes a node another node: a change here retires the old one first.
      triggersReplace: {
        name: "${each.key}",
        address: "${each.value.node.address}",
        kind: "${each.value.node.kind}",
        redis_port: "${try(each.value.node.redisPort, null)}",
        sentinel_port: "${try(each.value.node.sentinelPort, null)}",
        target: "${each.value.target}",
        // With another type AWS stops the machine: the node leaves first, as for another machine.
        // And it has to mount another volume, should its own be lost.
        ...(machines
          ? { machine: `\${${machines.id}}`, machine_type: `\${${machines.type}}`, volume: `\${${machines.volume}}` }
          : {}),
      },
      // A destroy provisioner sees nothing but the resource itself, so all it needs is kept here.
      input: {
        environment: "${each.value.environment}",
        target: "${each.value.target}",
        node: "${each.key}",
        zone: "${each.value.node.zone}",
        ...(reach === undefined ? {} : { address: "${each.value.node.address}", reach }),
      },
      provisioners: [
        {
          type: "local-exec",
          command: program.command("install"),
          environment: NodeProgram.environment(reach, machines),
        },
        {
          type: "local-exec",
          when: "destroy",
          command: program.command("retire"),
          environment: {
            REDIS_HA_NODE: "${jsonencode(self.input)}",
            ...(reach === undefined ? {} : { REDIS_HA_REACH: "${self.input.reach}" }),
          },
        },
      ],
    });
    this.overrideLogicalId("membership");
  }
}
