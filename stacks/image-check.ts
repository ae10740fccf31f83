import { DataAwsAmiIds } from "@cdktf/provider-aws/lib/data-aws-ami-ids/index.js";
import { DataAwsInstances } from "@cdktf/provider-aws/lib/data-aws-instances/index.js";
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
  /** The tags `Name` of the machines that have the image. */
  readonly machines: readonly string[];
}

/** The account itself, Debian (https://wiki.debian.org/Cloud/AmazonEC2Image), Amazon and its marketplace. */
const IMAGE_OWNERS = ["self", "136693071363", "amazon", "aws-marketplace"];

/**
 * The plan fails, before anything is touched, where a machine is to be made of an image that is not there, or that the instance type
 * cannot run. An image that its owner has removed is no reason to stop as long as all machines run that have it; what `-replace` would do
 * to one of them, a plan's conditions do not see.
 */
export function checkImage(scope: Construct, props: ImageCheckProps): void {
  const { environment, imageId, instanceType, path, machines } = props;
  if (machines.length === 0) return;
  const { region, imageOwner } = environment.target;
  const images = (id: string, ...filter: { name: string; values: string[] }[]): DataAwsAmiIds =>
    at(
      id,
      new DataAwsAmiIds(scope, id, {
        owners: [...IMAGE_OWNERS, ...(imageOwner === undefined ? [] : [imageOwner])],
        includeDeprecated: true,
        filter: [{ name: "image-id", values: [imageId] }, ...filter],
      }),
    );
  const stopUnless = (data: DataAwsAmiIds, condition: string, message: string): void =>
    data.addOverride("lifecycle.postcondition", [
      {
        condition: `\${${condition}}`,
        error_message: `${message} in environments/${environment.name}.ts. Nothing was changed.`,
      },
    ]);

  at(
    "of_image",
    new DataAwsInstances(scope, "of-image", {
      instanceStateNames: ["pending", "running", "stopping", "stopped"],
      filter: [
        { name: "image-id", values: [imageId] },
        { name: "tag:Name", values: [...machines] },
      ],
    }),
  );
  const owners = `this account, Debian, Amazon, its marketplace${imageOwner === undefined ? "" : ` or ${imageOwner}`}`;
  stopUnless(
    images("image", { name: "state", values: ["available"] }),
    `length(self.ids) > 0 || length(data.aws_instances.of_image.ids) >= ${machines.length}`,
    `${imageId}, of which a machine is to be made, is no image of ${owners} in ${region}, or none any more; correct ${path}.imageId, or name the account that shares it in target.imageOwner,`,
  );
  const architecture = architectureOf(instanceType);
  if (architecture === undefined) return;
  const other = architecture === "arm64" ? "x86_64" : "arm64";
  stopUnless(
    images("other_image", { name: "architecture", values: [other] }),
    "length(self.ids) == 0",
    `${imageId} is an image for ${other}, and ${instanceType} is ${architecture}; correct ${path}.imageId or ${path}.instanceType`,
  );
}
