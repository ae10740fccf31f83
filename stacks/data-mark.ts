import type { TerraformIterator, TerraformStack } from "cdktf";
import type { NodeProgram } from "./node-program.ts";
import { TerraformData } from "./terraform-data.ts";

export interface DataMarkProps {
  /** The specs of one zone's nodes by node name. */
  readonly specs: TerraformIterator;
  readonly program: NodeProgram;
}

/**
 * That a node may have data, noted beside the secrets (secrets/group-marks.ts). What holds the data depends on it, so that it is noted
 * before there can be any, and taken back after the last of it is gone: only then may the group begin as an empty one.
 */
export class DataMark extends TerraformData {
  public constructor(stack: TerraformStack, { specs, program }: DataMarkProps) {
    const mark = (command: "expect-data" | "forget-data", when?: "destroy") => ({
      type: "local-exec" as const,
      ...(when ? { when } : {}),
      command: program.command(command),
      environment: { REDIS_HA_NODE: "${jsonencode(self.input)}" },
    });
    super(stack, "data-mark", {
      forEach: specs,
      input: { environment: "${each.value.environment}", node: "${each.key}" },
      provisioners: [mark("expect-data"), mark("forget-data", "destroy")],
    });
    this.overrideLogicalId("data_mark");
  }
}
