/** What an apply can do to a node, from the least to the gravest. The names are those of `--fail-on`, and of docs/json.md. */
export const nodeEffects = {
  live: "settings change while its servers run; none is restarted",
  sentinel: "its Sentinel is restarted; redis-server is not",
  restart: "its redis-server is restarted; as master, it hands its role over first",
  add: "it joins the cluster",
  replace: "it leaves the cluster and joins it again: with another machine, one that was stopped, or another address",
  retire: "it leaves the cluster for good",
  data: "its data volume is deleted, or is gone already",
} as const;
export type NodeEffect = keyof typeof nodeEffects;

/** The same for what the zones have in common: network and foundation. */
export const sharedEffects = {
  shared: "something of network or foundation is created or changed",
  "shared-delete": "something of network or foundation is replaced or deleted",
  "shared-outputs":
    "zones are planned with values of network or foundation that change: plan them again after its apply",
} as const;
export type SharedEffect = keyof typeof sharedEffects;

export type Effect = NodeEffect | SharedEffect;
export const allEffects = [...Object.keys(nodeEffects), ...Object.keys(sharedEffects)] as Effect[];

/** Each once, in the order of `allEffects`. */
export const inOrder = <T extends Effect>(effects: Iterable<T>): T[] => {
  const given = new Set<Effect>(effects);
  return allEffects.filter((effect): effect is T => given.has(effect));
};
