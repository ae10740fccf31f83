import type { Construct } from "constructs";
import { TerraformResource } from "cdktf";
import type { TerraformMetaArguments } from "cdktf";

export interface TerraformDataProps extends TerraformMetaArguments {
  /**
   * Kept in the state, changed in place, and readable by a destroy provisioner as `self.input`.
   * @default - nothing is kept
   */
  readonly input?: string | Readonly<Record<string, unknown>>;
  /**
   * The resource is replaced whenever this value changes. A map or an expression, never a list.
   * @default - never replaced
   */
  readonly triggersReplace?: string | Readonly<Record<string, unknown>>;
}

/**
 * Terraform's built-in `terraform_data`.
 *
 * CDKTF's own DataResource starts `terraform version` once for every instance at synth, which costs time and needs
 * Terraform on a machine that only synthesizes; the stacks state the version they need as `required_version` instead.
 * It also takes maps only, and cannot hold an expression.
 */
export class TerraformData extends TerraformResource {
  public static readonly tfResourceType = "terraform_data";
  private readonly attributes: Record<string, unknown>;

  public constructor(scope: Construct, id: string, props: TerraformDataProps) {
    const { input, triggersReplace, ...metaArguments } = props;
    super(scope, id, { terraformResourceType: TerraformData.tfResourceType, ...metaArguments });
    this.attributes = { input, triggers_replace: triggersReplace };
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    return this.attributes;
  }
}
