import type { App } from "cdktf";
import type { Environment } from "../environments/environment.ts";
import { specsOf } from "../topology/render.ts";
import { topologyOf } from "../topology/topology.ts";
import { type AwsEnvironment, isOnAws } from "./aws-environment.ts";
import { FoundationStack } from "./foundation-stack.ts";
import { NetworkStack } from "./network-stack.ts";
import { ZoneStack } from "./zone-stack.ts";

/**
 * Adds the stacks of one environment: one a zone, on AWS above network and foundation. Each zone depends on the one before, so that the zones
 * are never changed at the same time.
 *
 * @param program file that holds the bundled program
 */
export function addEnvironment(app: App, environment: Environment, program: string): void {
  const specs = specsOf(environment);
  const below = isOnAws(environment) ? belowZones(app, environment) : undefined;
  let previous: ZoneStack | undefined;
  for (const { name: zone } of topologyOf(environment).zones) {
    const stack = new ZoneStack(app, {
      environment,
      zone,
      specs: specs.filter((spec) => spec.node.zone === zone),
      program,
      below,
    });
    if (previous) stack.addDependency(previous);
    previous = stack;
  }
}

function belowZones(app: App, environment: AwsEnvironment) {
  const network = new NetworkStack(app, environment);
  return { network, foundation: new FoundationStack(app, { environment, network }) };
}
