import { majority } from "../majority.ts";
import { counted, type Rule, type Subject } from "./rule.ts";

/** Who votes on a failover, and whether enough votes are left when a zone is lost. */

const sentinelsOf = ({ nodes }: Subject) => nodes.filter((node) => node.runsSentinel);

const busyZones = ({ environment }: Subject): string[] =>
  Object.entries(environment.zones)
    .filter(([, { nodes }]) => nodes.length > 0)
    .map(([zone]) => zone);

/** Where a further zone's node belongs: in a zone that is there but empty, else in a new one. */
function placeForNode({ environment }: Subject): string {
  const empty = Object.entries(environment.zones).find(([, { nodes }]) => nodes.length === 0);
  return empty ? `zones.${empty[0]}.nodes` : "zones";
}

const ordinal = (number: number): string => ["first", "second", "third"][number - 1] ?? `${number}th`;

export const noNodes: Rule = ({ nodes }) =>
  nodes.length > 0
    ? []
    : [
        {
          path: "zones",
          message: "no zone has a node; the usual cluster is three zones with one node each, see environments/local.ts",
        },
      ];

export const tooFewSentinels: Rule = (subject) => {
  const count = sentinelsOf(subject).length;
  if (count >= 3) return [];
  const why = [
    "no Sentinel runs, so nobody would elect a new master",
    "1 Sentinel cannot elect a master once it is lost itself",
    "2 Sentinels cannot elect a master when one of them is lost",
  ][count];
  const zones = busyZones(subject);
  if (zones.length < 3) {
    return [{ path: placeForNode(subject), message: `${why}; add a witness in a ${ordinal(zones.length + 1)} zone` }];
  }
  const silent = subject.nodes.find(
    ({ runsSentinel, zone }) =>
      !runsSentinel && !subject.nodes.some((other) => other.runsSentinel && other.zone === zone),
  );
  return silent
    ? [{ path: `${silent.path}.runs`, message: `${why}; let ${silent.name} run "sentinel" too` }]
    : [{ path: "zones", message: `${why}; add a witness in a further zone` }];
};

export const evenSentinels: Rule = (subject) => {
  const count = sentinelsOf(subject).length;
  return count % 2 === 1
    ? []
    : [
        {
          path: "zones",
          message: `${count} Sentinels survive no more losses than ${count - 1} and can split into halves; add or remove one`,
        },
      ];
};

export const quorumBelowMajority: Rule = (subject) => {
  const { quorum } = subject.environment.settings;
  const count = sentinelsOf(subject).length;
  return quorum === undefined || quorum >= majority(count)
    ? []
    : [
        {
          path: "settings.quorum",
          message: `${quorum} of ${count} Sentinels is no majority; use ${majority(count)}, or leave it out`,
        },
      ];
};

export const quorumAboveSentinels: Rule = (subject) => {
  const { quorum } = subject.environment.settings;
  const count = sentinelsOf(subject).length;
  return quorum === undefined || quorum <= count
    ? []
    : [
        {
          path: "settings.quorum",
          message: `${quorum} can never agree, there are ${counted(count, "Sentinel")}; use ${majority(count)}, or leave it out`,
        },
      ];
};

export const tooFewZones: Rule = (subject) => {
  const zones = busyZones(subject);
  if (zones.length >= 3) return [];
  const have = zones.length === 1 ? `only zone ${zones[0]} has` : `only zones ${zones.join(" and ")} have`;
  return [
    {
      path: placeForNode(subject),
      message: `${have} nodes, so one lost zone can take the majority of the Sentinels with it; spread the nodes over three zones or more`,
    },
  ];
};

export const sentinelsInOneZone: Rule = (subject) => {
  const [zone, ...others] = new Set(sentinelsOf(subject).map((node) => node.zone));
  return zone === undefined || others.length > 0
    ? []
    : [
        {
          path: `zones.${zone}.nodes`,
          message: "all Sentinels are in this zone, and would be lost with it; run one in each of three zones",
        },
      ];
};

export const majorityInOneZone: Rule = (subject) => {
  const sentinels = sentinelsOf(subject);
  return busyZones(subject).flatMap((zone) => {
    const here = sentinels.filter((node) => node.zone === zone).length;
    const left = sentinels.length - here;
    return here < majority(sentinels.length)
      ? []
      : [
          {
            path: `zones.${zone}.nodes`,
            message: `${here} of ${sentinels.length} Sentinels are in this zone, and the other ${left} cannot elect a master when it is lost; let another zone have more of them`,
          },
        ];
  });
};
