import type { App } from "cdktf";
import { TerraformIterator, TerraformLocal, TerraformStack } from "cdktf";
import type { Environment } from "../environments/environment.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { literals } from "./literal.ts";
import { addAwsProvider, type AwsEnvironment, isOnAws } from "./aws-environment.ts";
import type { FoundationStack } from "./foundation-stack.ts";
import { DataMark } from "./data-mark.ts";
import { Machines } from "./machines.ts";
import type { NetworkStack } from "./network-stack.ts";
import { NodeConfiguration } from "./node-configuration.ts";
import { NodeMembership } from "./node-membership.ts";
import { NodeProgram } from "./node-program.ts";
import { reachOf } from "./reach.ts";
import { StackInput } from "./stack-input.ts";
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
  /** On AWS: what is applied before the zones. */
  readonly below?: { readonly network: NetworkStack; readonly foundation: FoundationStack } | undefined;
}

/**
 * One zone, the group of nodes that may fail or be rolled out together.
 *
 * Terraform destroys everything it replaces in one state before it creates the first of it, so a state holds no two
 * nodes that must not be away at the same time.
 */
export class ZoneStack extends TerraformStack {
  public constructor(app: App, { environment, zone, specs, program, below }: ZoneStackProps) {
    super(app, zoneStackName(environment.name, zone));
    addStateBackend(this, environment);

    const byName = Object.fromEntries(specs.map((spec) => [spec.node.name, literals(spec)]));
    const nodes = TerraformIterator.fromMap(new TerraformLocal(this, "nodes", byName).asAnyMap);
    const asset = new NodeProgram(this, program);
    const reach = JSON.stringify(reachOf(environment)) as string | undefined;
    const machines = below && isOnAws(environment) ? this.machines(environment, zone, nodes, asset, below) : undefined;
    const membership = new NodeMembership(this, { specs: nodes, program: asset, reach, machines });
    new NodeConfiguration(this, { specs: nodes, membership, program: asset, reach, machines });
  }

  private machines(
    environment: AwsEnvironment,
    zone: string,
    nodes: TerraformIterator,
    program: NodeProgram,
    below: NonNullable<ZoneStackProps["below"]>,
  ): Machines {
    addAwsProvider(this, environment);
    const network = new StackInput(this, { environment, from: below.network, as: "network" });
    const foundation = new StackInput(this, { environment, from: below.foundation, as: "foundation" });
    const dataMark = new DataMark(this, { specs: nodes, program });
    return new Machines(this, { environment, zone, nodes, network, foundation, dataMark });
  }
}
