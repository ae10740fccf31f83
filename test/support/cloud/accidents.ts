import fs from "node:fs";
import path from "node:path";
import type { Attributes } from "../standin-aws.ts";
import type { AwsCluster } from "./aws-cluster.ts";

const existing = (cluster: AwsCluster, type: string): (Attributes & { file: string })[] => {
  const folder = path.join(cluster.cloud.store, type);
  return fs.readdirSync(folder).map((name) => {
    const file = path.join(folder, name);
    return { ...(JSON.parse(fs.readFileSync(file, "utf8")) as Attributes), file };
  });
};

/** Of one type, what belongs to a node. */
function its(cluster: AwsCluster, type: string, node: string): Attributes & { file: string } {
  const found = existing(cluster, type).find(
    ({ tags }) => (tags as { Name?: string } | undefined)?.Name?.endsWith(`-${node}`) ?? false,
  );
  if (!found) throw new Error(`there is no ${type} of ${node}`);
  return found;
}

/** What happens behind Terraform's back. */
export const accidents = {
  /** A node's machine is gone, at once and with its own disk. Its volume stays. */
  loseMachine: async (cluster: AwsCluster, node: string): Promise<void> => {
    await cluster.cloud.instances.lose(cluster.lab.host(node));
    fs.rmSync(its(cluster, "aws_instance", node).file);
  },

  /** A node's volume is attached to something else, so that it cannot be deleted. @returns what ends that */
  attachElsewhere: (cluster: AwsCluster, node: string): (() => void) => {
    const attachment = { id: "vai-0", volume_id: volumeOf(cluster, node), instance_id: "i-0123456789abcdef0" };
    const file = path.join(cluster.cloud.store, "aws_volume_attachment", `${attachment.id}.json`);
    fs.writeFileSync(file, JSON.stringify(attachment));
    return () => fs.rmSync(file);
  },
};

/** The id of a node's data volume. */
export const volumeOf = (cluster: AwsCluster, node: string): unknown => its(cluster, "aws_ebs_volume", node)["id"];
