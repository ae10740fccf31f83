import { DataAwsAmiIds } from "@cdktf/provider-aws/lib/data-aws-ami-ids/index.js";
import type { Construct } from "constructs";
import { architectureOf } from "../environments/instance-types.ts";
import { at } from "./address.ts";
import type { AwsEnvironment } from "./aws-environment.ts";

export interface ImageCheckProps {
  readonly environment: AwsEnvironment;
  readonly imageId: string;
  readonly instanceType: string;
  /** The object of the description that has the two. */
  readonly path: string;
}

/** The account itself, Debian (https://wiki.debian.org/Cloud/AmazonEC2Image) and Amazon. */
const IMAGE_OWNERS = ["self", "136693071363", "amazon"];

/**
 * The plan fails, before anything is touched, where the instance type cannot run the image. It is asked for as one of the other
 * architecture, and not found: an image that its owner has removed is no reason to stop, as long as nobody needs it.
 */
export function checkImage(scope: Construct, { environment, imageId, instanceType, path }: ImageCheckProps): void {
  const architecture = architectureOf(instanceType);
  if (architecture === undefined) return;
  const other = architecture === "arm64" ? "x86_64" : "arm64";
  const found = new DataAwsAmiIds(scope, "image", {
    owners: IMAGE_OWNERS,
    includeDeprecated: true,
    filter: [
      { name: "image-id", values: [imageId] },
      { name: "architecture", values: [other] },
    ],
  });
  at("image", found).addOverride("lifecycle.postcondition", [
    {
      condition: "${length(self.ids) == 0}",
      error_message: `${imageId} is an image for ${other}, and ${instanceType} is ${architecture}; correct ${path}.imageId or ${path}.instanceType in environments/${environment.name}.ts. Nothing was changed.`,
    },
  ]);
}
