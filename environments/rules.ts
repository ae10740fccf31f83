import type { Environment } from "./environment.ts";
import { certificatesWithoutTls } from "./rules/access.ts";
import * as aws from "./rules/aws.ts";
import * as awsBastion from "./rules/aws-bastion.ts";
import * as awsMachines from "./rules/aws-machines.ts";
import { namesTooLongForAws } from "./rules/aws-names.ts";
import * as awsNetwork from "./rules/aws-network.ts";
import * as copies from "./rules/copies.ts";
import * as limits from "./rules/limits.ts";
import * as nodes from "./rules/nodes.ts";
import { refusedRedisConf } from "./rules/redis-conf.ts";
import { placedNodes, type Problem, type Rule, type Subject } from "./rules/rule.ts";
import { reservedParameterPath } from "./rules/secrets.ts";
import * as votes from "./rules/votes.ts";

interface Entry {
  readonly rule: Rule;
  /** Rules whose finding explains this one's too: one mistake, one message. */
  readonly unless?: readonly Rule[];
}

/** Everything that makes a well-formed environment a sound one. */
const table: readonly Entry[] = [
  { rule: votes.noNodes },
  { rule: votes.tooFewSentinels, unless: [votes.noNodes] },
  { rule: votes.evenSentinels, unless: [votes.tooFewSentinels] },
  { rule: votes.quorumBelowMajority, unless: [votes.evenSentinels] },
  { rule: votes.quorumAboveSentinels, unless: [votes.tooFewSentinels, votes.evenSentinels] },
  { rule: votes.tooFewZones, unless: [votes.tooFewSentinels] },
  { rule: votes.sentinelsInOneZone, unless: [votes.tooFewSentinels, votes.tooFewZones] },
  { rule: votes.majorityInOneZone, unless: [votes.tooFewZones, votes.sentinelsInOneZone] },

  { rule: copies.tooFewDataNodes, unless: [votes.noNodes] },
  { rule: copies.severalDataNodesInZone, unless: [votes.tooFewZones] },
  { rule: copies.nonePromotable, unless: [copies.tooFewDataNodes] },
  { rule: copies.onePromotable },
  { rule: copies.minReplicasAboveReplicas, unless: [copies.tooFewDataNodes] },

  { rule: nodes.duplicateNames },
  { rule: nodes.twoProxies },
  { rule: nodes.missingLocalPort },
  { rule: nodes.addressNotLoopback },
  { rule: nodes.missingAddress },
  { rule: nodes.portWithoutServer },
  { rule: nodes.sharedHost },
  { rule: nodes.sharedPort },

  { rule: aws.incompleteAwsZone },
  { rule: aws.awsFieldsElsewhere },
  { rule: aws.availabilityZoneOutsideRegion },
  { rule: aws.witnessOfAnotherArchitecture },
  { rule: aws.malformedRange },
  { rule: aws.subnetOutsideVpc },
  { rule: aws.overlappingSubnets },
  { rule: aws.addressOutsideSubnet },
  { rule: aws.reservedAddress },
  { rule: namesTooLongForAws },
  { rule: awsMachines.keysTooLong },
  { rule: awsMachines.exampleLeft },
  { rule: awsMachines.noWayIn },
  { rule: awsMachines.volumeTooSmall },
  { rule: awsNetwork.fieldsOfAnotherVpc },
  { rule: awsNetwork.openToEverybody },
  { rule: awsNetwork.publicSubnets, unless: [awsNetwork.fieldsOfAnotherVpc, aws.incompleteAwsZone] },
  { rule: awsBastion.bastionInAnotherVpc },
  { rule: awsBastion.bastionAndProxy },
  { rule: awsBastion.bastionArchitecture },

  { rule: limits.downAfterTooShort },
  { rule: limits.missingMaxMemory },
  { rule: limits.backlogTakesMemory, unless: [limits.missingMaxMemory] },
  { rule: limits.memoryAboveHost },
  { rule: limits.memoryAboveComputer },
  { rule: refusedRedisConf },
  { rule: reservedParameterPath },
  { rule: certificatesWithoutTls },
];

/**
 * Every rule that the environment breaks, with paths relative to it.
 * @param computerMemoryMb memory of the computer that `local` environments run on, in MiB
 */
export function problemsOf(environment: Environment, computerMemoryMb: number): Problem[] {
  const subject: Subject = { environment, nodes: placedNodes(environment), computerMemoryMb };
  return table
    .filter(({ unless = [] }) => unless.every((rule) => rule(subject).length === 0))
    .flatMap(({ rule }) => rule(subject));
}
