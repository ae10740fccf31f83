import { AssetType, TerraformAsset } from "cdktf";
import type { TerraformStack } from "cdktf";
import type { Machines } from "./machines.ts";

/** What the program does to a node, or notes of it, on behalf of Terraform. */
export type HostCommand = "install" | "apply" | "retire" | "expect-data" | "forget-data";

/**
 * The program that every provisioner runs, as an asset of the stack: it travels with the folder that Terraform runs in,
 * whichever driver copied it there.
 */
export class NodeProgram extends TerraformAsset {
  /** @param file the bundle; its content decides the asset's folder */
  public constructor(stack: TerraformStack, file: string) {
    super(stack, "redis-ha", { path: file, type: AssetType.FILE });
  }

  /** A shell command. The working directory differs between cdktf and Terragrunt, `path.module` does not. */
  public command(verb: HostCommand): string {
    return `node "\${path.module}/${this.path}" host ${verb}`;
  }

  /**
   * What `install` and `apply` are told of a node, in a resource with one instance for each.
   * @param reach how the hosts are reached, as JSON; undefined on this computer
   * @param machines those that are made for the nodes; undefined where they are there already
   */
  public static environment(reach: string | undefined, machines: Machines | undefined): Record<string, string> {
    return {
      REDIS_HA_SPEC: "${jsonencode(each.value)}",
      ...(reach === undefined ? {} : { REDIS_HA_REACH: reach }),
      ...(machines ? { REDIS_HA_VOLUME: `\${${machines.volume}}` } : {}),
    };
  }
}
