import { filled, templateOf } from "../topology/template.ts";
import { type AwsEnvironment, dnsSuffixOf } from "./aws-environment.ts";
import { literal } from "./literal.ts";

export interface FirstBootProps {
  /** Whose it is; may be an expression of Terraform, as `hostKeys` may. */
  readonly name: string;
  /** The parameter in which the machine says which ssh keys it has. */
  readonly hostKeys: string;
  /** A node's, which the first apply sets up. */
  readonly isNode: boolean;
}

/** They stand for what may be an expression, which has to stay one. */
const NAME = "@name@";
const HOST_KEYS = "@host-keys@";

/** The script that a machine runs once. */
export function firstBootScript(environment: AwsEnvironment, { name, hostKeys, isNode }: FirstBootProps): string {
  const { user, publicKeys, sessionManager, region } = environment.target;
  const script = filled(templateOf("first-boot.sh"), {
    environment: environment.name,
    name: NAME,
    isNode,
    user,
    publicKeys,
    // The bastion has no rights for it, and needs none.
    sessionManager: sessionManager && isNode,
    region,
    dnsSuffix: dnsSuffixOf(region),
    hostKeys: HOST_KEYS,
  });
  return literal(script)
    .replaceAll(NAME, () => name)
    .replaceAll(HOST_KEYS, () => hostKeys);
}
