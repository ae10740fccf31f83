import { EbsVolume } from "@cdktf/provider-aws/lib/ebs-volume/index.js";
import { Instance } from "@cdktf/provider-aws/lib/instance/index.js";
import { NetworkInterface } from "@cdktf/provider-aws/lib/network-interface/index.js";
import { Route53Record } from "@cdktf/provider-aws/lib/route53-record/index.js";
import { VolumeAttachment } from "@cdktf/provider-aws/lib/volume-attachment/index.js";
import type { TerraformIterator, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import type { AwsTarget } from "../environments/environment.ts";
import { at } from "./address.ts";
import {
  arnOf,
  type AwsEnvironment,
  hostKeysPathOf,
  METADATA_BY_SESSION,
  prefixOf,
  privateDomainOf,
} from "./aws-environment.ts";
import type { DataMark } from "./data-mark.ts";
import { firstBootScript } from "./first-boot.ts";
import { checkImage } from "./image-check.ts";
import { HostRoles } from "./host-roles.ts";
import type { StackInput } from "./stack-input.ts";

export interface MachinesProps {
  readonly environment: AwsEnvironment;
  readonly zone: string;
  /** The specs of the zone's nodes by node name. */
  readonly nodes: TerraformIterator;
  readonly network: StackInput;
  readonly foundation: StackInput;
  readonly dataMark: DataMark;
}

/** A volume's name on the machine that it is attached to; where its disks are NVMe, they have names of their own. */
const DEVICE = "/dev/sdf";
/** System, packages and logs, in GiB. */
const ROOT_GB = 16;

/** The instance type of each node's machine. */
const typeExpression = ({ instanceType: data, witnessInstanceType: witness = data }: AwsTarget): string =>
  witness === data ? data : `\${each.value.node.kind == "data" ? "${data}" : "${witness}"}`;

/**
 * The EC2 instances of one zone. Address, name and data of a node outlive its machine: they belong to a network interface, a record
 * and a volume of their own, and a machine that replaces another takes them over.
 *
 * AWS refuses to terminate the machines, unless it is Terraform that asks; and Terraform refuses to delete a volume, unless the
 * environment releases it. So the destroy of a zone with data fails at its plan, before anything of it is gone.
 */
export class Machines extends Construct {
  /**
   * Of a node's machine, as expressions for a resource of the same `for_each`: another machine has another id; with another type AWS
   * has stopped and started it. The volume is there once it is attached.
   */
  public readonly id = "aws_instance.machine[each.key].id";
  public readonly type = "aws_instance.machine[each.key].instance_type";
  public readonly volumeGb = "aws_ebs_volume.data[each.key].size";
  public readonly volume = "aws_volume_attachment.data[each.key].volume_id";

  public constructor(stack: TerraformStack, props: MachinesProps) {
    super(stack, "machines");
    const { environment, zone, nodes, network, foundation, dataMark } = props;
    const { target } = environment;
    const tags = { Name: `${prefixOf(environment)}-\${each.key}`, Zone: zone };
    const kmsKeyId = arnOf(environment, `kms:key/${foundation.output("kms_key_id")}`);
    const place = environment.zones[zone]?.availabilityZone ?? "";

    at(
      "network",
      new NetworkInterface(this, "network", {
        forEach: nodes,
        subnetId: network.output(`subnet_id_${zone}`),
        privateIps: ["${each.value.node.address}"],
        securityGroups: [foundation.output("security_group_id")],
        tags,
      }),
    );
    at(
      "name",
      new Route53Record(this, "name", {
        forEach: nodes,
        zoneId: foundation.output("private_zone_id"),
        name: `\${each.key}.${privateDomainOf(environment)}`,
        type: "A",
        ttl: 60,
        records: ["${each.value.node.address}"],
      }),
    );
    const roles = new HostRoles(stack, { environment, nodes, kmsKeyId: foundation.output("kms_key_id") });
    const { imageId, instanceType } = target;
    const names = environment.zones[zone]?.nodes.map(({ name }) => `${prefixOf(environment)}-${name}`) ?? [];
    checkImage(this, { environment, imageId, instanceType, path: "target", machines: names });
    at(
      "machine",
      new Instance(this, "machine", {
        forEach: nodes,
        ami: imageId,
        instanceType: typeExpression(target),
        primaryNetworkInterface: { networkInterfaceId: "${aws_network_interface.network[each.key].id}" },
        iamInstanceProfile: roles.profile,
        // Its first boot uses the role's rights.
        dependsOn: [roles.policy],
        userData: firstBootScript(environment, {
          name: "${each.key}",
          hostKeys: `${hostKeysPathOf(environment)}/\${each.value.node.address}`,
          isNode: true,
        }),
        metadataOptions: METADATA_BY_SESSION,
        rootBlockDevice: {
          volumeType: "gp3",
          volumeSize: ROOT_GB,
          encrypted: true,
          kmsKeyId,
          deleteOnTermination: true,
        },
        disableApiTermination: target.terminationProtection,
        forceDestroy: true,
        tags,
        lifecycle: {
          // It was read at the first boot; AWS would stop the machine to change it.
          ignoreChanges: ["user_data"],
        },
      }),
    );
    at(
      "data",
      new EbsVolume(this, "data", {
        forEach: nodes,
        availabilityZone: place,
        type: "gp3",
        size: target.dataVolumeGb,
        encrypted: true,
        kmsKeyId,
        finalSnapshot: true,
        // The first snapshot of a large volume takes its time.
        timeouts: { delete: "6h" },
        tags,
        dependsOn: [dataMark],
        lifecycle: { preventDestroy: environment.zones[zone]?.releaseDataVolume !== true },
      }),
    );
    at(
      "data",
      new VolumeAttachment(this, "data-attachment", {
        forEach: nodes,
        deviceName: DEVICE,
        volumeId: "${aws_ebs_volume.data[each.key].id}",
        instanceId: "${aws_instance.machine[each.key].id}",
        // Retired, its node has unmounted it; where that was not possible, AWS would wait for it in vain.
        stopInstanceBeforeDetaching: true,
      }),
    );
  }
}
