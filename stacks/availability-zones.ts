import { DataAwsAvailabilityZones } from "@cdktf/provider-aws/lib/data-aws-availability-zones/index.js";
import type { TerraformStack } from "cdktf";
import { at } from "./address.ts";
import type { AwsEnvironment } from "./aws-environment.ts";

/** The plan fails where the region has no such availability zone for this account. One that is impaired is there all the same. */
export function checkAvailabilityZones(stack: TerraformStack, { name, target, zones }: AwsEnvironment): void {
  const found = at("region", new DataAwsAvailabilityZones(stack, "availability-zones"));
  found.addOverride(
    "lifecycle.postcondition",
    Object.entries(zones).map(([zone, { availabilityZone }]) => ({
      condition: `\${contains(self.names, "${availabilityZone}")}`,
      error_message: `${target.region} has no ${availabilityZone} for this account, but \${join(", ", self.names)}; correct zones.${zone}.availabilityZone in environments/${name}.ts. Nothing was changed.`,
    })),
  );
}
