import type { App } from "cdktf";
import { TerraformIterator, TerraformLocal, TerraformStack } from "cdktf";
import type { Environment } from "../environments/environment.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { literals } from "./literal.ts";
import { NodeConfiguration } from "./node-configuration.ts";
import { NodeMembership } from "./node-membership.ts";
import { NodeProgram } from "./node-program.ts";
import { reachOf } from "./reach.ts";
import { zoneStackName } from "./stack-name.ts";
import { addStateBackend } from "./state-backend.ts";

export interface ZoneStackProps {
  readonly environment: Environment;
  /** The zone's name. */
  readonly zone: string;
  /** The specs of the zone's nodes; empty for a zone that is to be removed later. */
  readonly specs: readonly NodeSpec[];
  /** File that holds the bundled program. */
  readonly program: string;
}

/**
 * One zone, the group of nodes that may fail or be rolled out together.
 *
 * Terraform destroys everything it replaces in one state before it creates the first of it, so a state holds no two
 * nodes that must not be away at the same time.
 *
 * @throws when the environment's target is one that this version only describes.
 */
export class ZoneStack extends TerraformStack {
  public constructor(app: App, { environment, zone, specs, program }: ZoneStackProps) {
    refuseUnlessProvisioned(environment);
    super(app, zoneStackName(environment.name, zone));

    // use_lockfile of the S3 backend is the newest thing the stacks rely on.
    this.addOverride("terraform.required_version", ">= 1.10");
    addStateBackend(this, environment);

    const byName = Object.fromEntries(specs.map((spec) => [spec.node.name, literals(spec)]));
    const nodes = TerraformIterator.fromMap(new TerraformLocal(this, "nodes", byName).asAnyMap);
    const asset = new NodeProgram(this, program);
    const reach = JSON.stringify(reachOf(environment)) as string | undefined;
    const membership = new NodeMembership(this, { specs: nodes, program: asset, reach });
    new NodeConfiguration(this, { specs: nodes, membership, program: asset, reach });
  }
}

function refuseUnlessProvisioned({ name, target }: Environment): void {
  if (target.kind !== "aws") return;
  throw new Error(
    `environments/${name}.ts: target.kind: this version describes and checks "${target.kind}", but provisions "local" and "ssh" only; ` +
      `take ${name} out of environments/index.ts. Nothing was changed`,
  );
}
