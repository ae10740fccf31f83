import type { NodeSpec } from "./node-spec.ts";

/** Where the nodes of a host lie, each in `<environment>/<node>`. Hosts have one place, so that any apply finds them. */
export const HOST_STATE = "/var/lib/redis-ha";
/** The agent's program on a host; root's, so that the agent cannot change what it runs. */
export const HOST_PROGRAM = "/usr/local/lib/redis-ha/redis-ha.cjs";
/** What an administrator types on a host: runs that program. */
export const HOST_COMMAND = "/usr/local/bin/redis-ha";
/** What root was told last that each node is, `<environment>-<node>.json`; root's, so that nobody else decides what root does. */
export const HOST_SPECS = "/etc/redis-ha";
/** Makes systemd leave a unit alone that a drill has killed; gone after a reboot. */
export const drillDropIn = (unit: string): string => `/run/systemd/system/${unit}.d/redis-ha-drill.conf`;
/** Tells one boot of a host from the next, by the same name inside every sandbox. */
export const HOST_BOOT = "/run/redis-ha-boot";

/** Is the node on a host of its own, where systemd starts its servers? */
export const onHost = ({ target }: Pick<NodeSpec, "target">): boolean => target !== "local";

export const unitNames = (environment: string): { agent: string; sentinel: string; redis: string } => ({
  agent: `redis-ha-${environment}-agent.service`,
  sentinel: `redis-ha-${environment}-sentinel.service`,
  redis: `redis-ha-${environment}-redis.service`,
});

/** The files of a spec that are systemd units, by the unit's name. */
export function unitFiles({ environment, files }: NodeSpec): Map<string, string> {
  const units = unitNames(environment);
  const found = [
    [units.agent, files["agent.service"]],
    [units.sentinel, files["sentinel.service"]],
    [units.redis, files["redis.service"]],
  ] as const;
  return new Map(found.flatMap(([unit, text]) => (text === undefined ? [] : [[unit, text] as const])));
}
