import { counted, type Rule, type Subject } from "./rule.ts";

/** Where the copies of the data are, and which of them may become the master. */

const dataNodesOf = ({ nodes }: Subject) => nodes.filter((node) => node.runsRedis);

const names = (nodes: readonly { readonly name: string }[]): string => nodes.map((node) => node.name).join(" and ");

export const tooFewDataNodes: Rule = (subject) => {
  const count = dataNodesOf(subject).length;
  if (count >= 2) return [];
  return [
    {
      path: "zones",
      message:
        count === 0
          ? 'no node holds data; let a node in each of two zones run "redis"'
          : '1 data node leaves nothing to fail over to; let a node in another zone run "redis" too',
    },
  ];
};

export const severalDataNodesInZone: Rule = (subject) =>
  Object.keys(subject.environment.zones).flatMap((zone) => {
    const here = dataNodesOf(subject).filter((node) => node.zone === zone);
    return here.length <= 1
      ? []
      : [
          {
            path: `zones.${zone}.nodes`,
            message: `${names(here)} hold the same data and would be lost together; move ${names(here.slice(1))} to ${here.length > 2 ? "zones of their" : "a zone of its"} own`,
          },
        ];
  });

export const nonePromotable: Rule = (subject) =>
  dataNodesOf(subject).some(({ entry }) => entry.promotable)
    ? []
    : [
        {
          path: "zones",
          message: "no data node may become master; remove `promotable: false` from at least two of them",
        },
      ];

export const onePromotable: Rule = (subject) => {
  const data = dataNodesOf(subject);
  const [only, ...others] = data.filter(({ entry }) => entry.promotable);
  const barred = data.find(({ entry }) => !entry.promotable);
  return !only || others.length > 0 || !barred
    ? []
    : [
        {
          path: `${barred.path}.promotable`,
          message: `only ${only.name} may become master, so there is nothing to fail over to; remove \`promotable: false\` from another data node`,
        },
      ];
};

export const minReplicasAboveReplicas: Rule = (subject) => {
  const { minReplicasToWrite } = subject.environment.settings;
  const replicas = dataNodesOf(subject).length - 1;
  return minReplicasToWrite === undefined || minReplicasToWrite <= replicas
    ? []
    : [
        {
          path: "settings.minReplicasToWrite",
          message: `the master would refuse every write: it would wait for ${minReplicasToWrite} replicas and there ${replicas === 1 ? "is" : "are"} ${counted(replicas, "replica")}; use ${replicas} or less, or leave it out`,
        },
      ];
};
