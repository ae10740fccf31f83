import type { Environment } from "../environments/environment.ts";
import type { Inventory } from "../topology/inventory.ts";
import { topologyOf } from "../topology/topology.ts";
import { isOnAws, releasesAllData } from "./aws-environment.ts";
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
            reach,
            engine,
            masterName,
            quorum,
            minReplicasToWrite,
            secrets,
            tls: environment.access.tls,
            clientCertificates: environment.access.clientCertificates,
            nodes,
            dataReleased: (isOnAws(environment) && releasesAllData(environment)) || undefined,
            stacks,
            stateBucket: stateBucketOf(environment),
          },
        ];
      }),
    ),
  };
}
