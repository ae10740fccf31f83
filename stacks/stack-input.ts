import { TerraformElement, type TerraformStack } from "cdktf";
import type { Environment } from "../environments/environment.ts";
import { statePlace } from "./state-backend.ts";

export interface StackInputProps {
  readonly environment: Environment;
  /** The stack that is applied before this one. */
  readonly from: TerraformStack;
  /** What it is called here, as the folder of its unit is: network for prod-network. */
  readonly as: string;
}

/**
 * What a stack takes from the outputs of another one, which are texts, all of them.
 *
 * Terragrunt gives them as a variable of that name, so that it can plan before the other stack was ever applied; else they are read
 * from the other stack's state.
 */
export class StackInput extends TerraformElement {
  public constructor(
    stack: TerraformStack,
    private readonly props: StackInputProps,
  ) {
    super(stack, props.as);
    stack.addDependency(props.from);
  }

  /** An output, as an expression that stands for its value. */
  public output(name: string): string {
    return `\${local.${this.props.as}.${name}}`;
  }

  /** CDKTF's own variable cannot be null, and its own remote state is read in any case. */
  public override toTerraform(): unknown {
    const { environment, from, as } = this.props;
    const description = `Outputs of ${from.node.id}, in place of those in its state`;
    const state = { count: `\${var.${as} == null ? 1 : 0}`, ...statePlace(environment, from.node.id) };
    const outputs = `\${var.${as} != null ? var.${as} : one(data.terraform_remote_state.${as}[*].outputs)}`;
    return {
      locals: { [as]: outputs },
      variable: { [as]: { type: "map(string)", default: null, description } },
      data: { terraform_remote_state: { [as]: state } },
    };
  }
}
