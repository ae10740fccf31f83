import { KmsAlias } from "@cdktf/provider-aws/lib/kms-alias/index.js";
import { KmsKey } from "@cdktf/provider-aws/lib/kms-key/index.js";
import { Route53Zone } from "@cdktf/provider-aws/lib/route53-zone/index.js";
import { type App, TerraformOutput, TerraformStack } from "cdktf";
import { addAwsProvider, type AwsEnvironment, prefixOf, privateDomainOf, releasesAllData } from "./aws-environment.ts";
import { BackupBucket } from "./backup-bucket.ts";
import { MemberAccess } from "./member-access.ts";
import type { NetworkStack } from "./network-stack.ts";
import { StackInput } from "./stack-input.ts";
import { foundationStackName } from "./stack-name.ts";
import { addStateBackend } from "./state-backend.ts";

export interface FoundationStackProps {
  readonly environment: AwsEnvironment;
  readonly network: NetworkStack;
}

/**
 * What the zones of an environment on AWS have in common above the network: the key that encrypts their disks and backups, who may
 * reach the machines, their names, and where their backups go.
 *
 * Outputs: `security_group_id`, `kms_key_id`, `private_zone_id`.
 */
export class FoundationStack extends TerraformStack {
  public constructor(app: App, { environment, network }: FoundationStackProps) {
    super(app, foundationStackName(environment.name));
    addStateBackend(this, environment);
    addAwsProvider(this, environment);
    const prefix = prefixOf(environment);
    const input = new StackInput(this, { environment, from: network, as: "network" });
    const vpcId = input.output("vpc_id");
    const bastionGroupId = environment.target.bastion && input.output("bastion_security_group_id");

    const key = new KmsKey(this, "key", {
      description: `Disks and backups of ${prefix}`,
      enableKeyRotation: true,
      // What it has encrypted is lost with it.
      deletionWindowInDays: 30,
      // A foundation must not be destroyed below zones that have data.
      lifecycle: { preventDestroy: !releasesAllData(environment) },
    });
    new KmsAlias(this, "key-alias", { name: `alias/${prefix}`, targetKeyId: key.id });
    const { group } = new MemberAccess(this, { environment, vpcId, bastionGroupId });
    const names = new Route53Zone(this, "names", { name: privateDomainOf(environment), vpc: [{ vpcId }] });
    new BackupBucket(this, { environment, key });

    new TerraformOutput(this, "security_group_id", { value: group.id });
    new TerraformOutput(this, "kms_key_id", { value: key.keyId });
    new TerraformOutput(this, "private_zone_id", { value: names.zoneId });
  }
}
