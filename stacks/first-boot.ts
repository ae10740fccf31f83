import { filled, templateOf } from "../topology/template.ts";
import { type AwsEnvironment, dnsSuffixOf, hostKeysPathOf } from "./aws-environment.ts";
import { literal } from "./literal.ts";

/** They stand for what Terraform puts in, for each node. */
const NODE = "@node@";
const ADDRESS = "@address@";

/** The script that a machine runs once, for a resource that has one for each node. */
export function firstBootScript(environment: AwsEnvironment): string {
  const { user, publicKeys, sessionManager, region } = environment.target;
  const script = filled(templateOf("first-boot.sh"), {
    environment: environment.name,
    node: NODE,
    user,
    publicKeys,
    sessionManager,
    region,
    dnsSuffix: dnsSuffixOf(region),
    hostKeys: `${hostKeysPathOf(environment)}/${ADDRESS}`,
  });
  return literal(script).replaceAll(NODE, "${each.key}").replaceAll(ADDRESS, "${each.value.node.address}");
}
