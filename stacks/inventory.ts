import type { Environment } from "../environments/environment.ts";
import type { Inventory } from "../topology/inventory.ts";
import { topologyOf } from "../topology/topology.ts";
import { isExample, isOnAws } from "./aws-environment.ts";
import { reachOf } from "./reach.ts";
import { secretsPlaceOf } from "./secrets-place.ts";
import { stackNamesOf } from "./stack-name.ts";
import { stateBucketOf } from "./state-bucket.ts";

/** What the operator's command needs to know of every environment, its stacks included. */
export function inventoryOf(environments: readonly Environment[]): Inventory {
  return {
    version: 1,
    environments: Object.fromEntries(
      environments.map((environment) => {
        const { engine, masterName, quorum, minReplicasToWrite, nodes } = topologyOf(environment);
        const stacks = stackNamesOf(environment);
        const target = environment.target.kind;
        const [reach, secrets] = [reachOf(environment), secretsPlaceOf(environment)];
        return [
          environment.name,
          {
            target,
            example: (isOnAws(environment) && isExample(environment)) || undefined,
            reach,
            engine,
            masterName,
            quorum,
            minReplicasToWrite,
            secrets,
            tls: environment.access.tls,
            clientCertificates: environment.access.clientCertificates,
            nodes,
            stacks,
            stateBucket: stateBucketOf(environment),
          },
        ];
      }),
    ),
  };
}
