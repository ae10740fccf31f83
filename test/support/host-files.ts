import type { HostCluster } from "./host-cluster.ts";

/** A replica that got a copy of all data has one. */
const COPY = /^-rw------- redis:redis \/var\/lib\/redis-ha\/hosts\/[\w-]+\/redis\/dump\.rdb/;
/** What others write on a host all the time: systemd for each unit that runs, its journal, apt and sudo. */
const OTHERS =
  /^\S+ \S+ (\/run\/systemd\/|\/(var\/)?tmp\/systemd-private-|\/var\/log\/|\/var\/cache\/apt\/|\/home\/admin\/\.sudo_as_admin)/;

/** Everything on a host, `<type and mode> <user>:<group> <path>`; with the target of a link. Numbers in names of data are left out. */
export async function filesOn(cluster: HostCluster, node: string): Promise<string[]> {
  const find = "find / /run /tmp /dev/shm -xdev -printf '%M %u:%g %p -> %l\\n'";
  const lines = (await cluster.onHost(node, find)).split("\n").filter((line) => !OTHERS.test(line) && !COPY.test(line));
  const named = lines.map((line) =>
    line
      .replace(/ -> $/, "")
      .replace(/(appendonly\.aof)\.\d+/, "$1.N")
      .replace(/\/[0-9a-f]{8}\.sock$/, "/ID.sock"),
  );
  return [...new Set(named)].sort();
}

/** What an apply puts on the host of a node with a Sentinel, in the environment `hosts`. */
export function expectedFiles(node: string): string[] {
  const home = "/var/lib/redis-ha";
  const own = `${home}/hosts/${node}`;
  const units = ["agent", "redis", "sentinel"].map((name) => `redis-ha-hosts-${name}.service`);
  const folders = ["bin", "etc", "log", "redis", "redis/appendonlydir", "run", "secrets", "sentinel"];
  const files = [
    ...[
      "complete",
      "in-step",
      "initialised",
      "node.json",
      "previous.json",
      ...(node === "redis-a" ? ["bootstrap"] : []),
    ],
    ...["etc/redis.conf", "etc/sentinel.conf", "log/agent.log", "log/redis.log", "log/sentinel.log"],
    ...["base.rdb", "incr.aof"].map((part) => `redis/appendonlydir/appendonly.aof.N.${part}`),
    ...["redis/appendonlydir/appendonly.aof.manifest", "redis/runtime.conf", "sentinel/sentinel.conf"],
    ...["agent.json", "agent.lock", "redis.json", "redis.prepared.json", "redis.start.conf"].map((it) => `run/${it}`),
    ...["sentinel.json", "sentinel.prepared.json", "sentinel.start.conf"].map((it) => `run/${it}`),
    ...["secrets.json", "ca.crt", "node.crt", "node.key"].map((it) => `secrets/${it}`),
    ...["redis.acl", "redis.conf", "redis.tls", "sentinel.acl", "sentinel.conf", "sentinel.tls"].map(
      (it) => `secrets/${it}`,
    ),
  ];
  const roots = [
    ...["/etc/apt/preferences.d/redis-ha", `/etc/redis-ha/hosts-${node}.json`, "/etc/sysctl.d/60-redis-ha.conf"],
    ...["/etc/tmpfiles.d/redis-ha.conf", "/run/redis-ha-boot", "/usr/local/lib/redis-ha/redis-ha.cjs"],
    ...units.map((unit) => `/etc/systemd/system/${unit}`),
  ];
  return [
    ...[home, `${home}/hosts`, own, ...folders.map((it) => `${own}/${it}`)].map((it) => `drwx------ redis:redis ${it}`),
    ...files.map((it) => `-rw------- redis:redis ${own}/${it}`),
    `srw------- redis:redis ${home}/ID.sock`,
    ...["/etc/redis-ha", "/usr/local/lib/redis-ha"].map((it) => `drwxr-xr-x root:root ${it}`),
    ...roots.map((it) => `-rw-r--r-- root:root ${it}`),
    "-rwxr-xr-x root:root /usr/local/bin/redis-ha",
    ...units.map(
      (unit) =>
        `lrwxrwxrwx root:root /etc/systemd/system/multi-user.target.wants/${unit} -> /etc/systemd/system/${unit}`,
    ),
  ].sort();
}
