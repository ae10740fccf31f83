import { type HostRole, succeeds } from "./role.ts";

/** Clocks and firewalls are the host's own: they are looked at and not touched. */
export const advice: HostRole = {
  name: "advice",
  ensure({ node, peers }, warn) {
    if (!succeeds("sh", "-c", 'test "$(timedatectl show --property=NTPSynchronized --value)" = yes')) {
      warn("the clock is not synchronized (timedatectl); which of two replicas is newer after a power cut goes by it");
    }
    const ports = [node.redisPort, node.sentinelPort].filter((port) => port !== undefined).join(" and ");
    for (const [name, check] of [
      ["ufw", "ufw status | grep -q 'Status: active'"],
      ["firewalld", "firewall-cmd --state"],
      ["nftables", "nft list ruleset | grep -q 'hook input'"],
    ] as const) {
      if (!succeeds("sh", "-c", `command -v ${check.split(" ")[0]} && ${check}`)) continue;
      const others = peers.map(({ address }) => address).join(", ");
      warn(`${name} is active: ports ${ports} must be open to ${others} and to the clients`);
    }
    return [];
  },
};
