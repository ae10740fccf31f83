import { afterAll, beforeAll, expect, it } from "vitest";
import { nodeFolder } from "../../agent/node-folder.ts";
import { HOST_STATE } from "../../topology/host-places.ts";
import { describeWithHosts } from "../support/debian-hosts.ts";
import { HostCluster } from "../support/host-cluster.ts";
import { grepFor, leaksIn, secretFilesOf } from "../support/leaks.ts";
import { haveProviders, providerEnvironment } from "../support/terraform-providers.ts";
import { itIsLived, WholeLife } from "../support/whole-life.ts";

/** What the node's servers and its agent say, each the same. */
const coreLimits =
  "for unit in agent redis sentinel; do cat /proc/$(systemctl show -p MainPID --value redis-ha-hosts-$unit)/limits; done | " +
  "grep core | sort -u";

/** The same on hosts of their own, from an operator's computer that is in none of their networks. */
(haveProviders ? describeWithHosts : describeWithHosts.skip)("the life of a cluster on hosts", { retry: 0 }, () => {
  let cluster: HostCluster;
  let life: WholeLife;
  beforeAll(async () => {
    cluster = await HostCluster.up("leaks");
    cluster.useWayIn();
    life = new WholeLife({
      checkout: cluster.checkout,
      environment: cluster.described,
      store: cluster.store,
      env: providerEnvironment,
      nearby: (...args) => cluster.redisHa(...args),
    });
  }, 240_000);
  afterAll(async () => {
    life?.watch.stop();
    await cluster?.down();
  });

  const filesOf = (node: string): string[] => secretFilesOf(nodeFolder(HOST_STATE, "hosts", node));

  /** The places of a host that have a secret in them and are not the node's own. */
  async function leaksOn(node: string): Promise<string[]> {
    // Not by links, or everything in /usr is read twice.
    const folders = "$(find / -mindepth 1 -maxdepth 1 ! -type l ! -name proc ! -name sys ! -name dev) /dev/shm";
    const found = await cluster.onHost(
      node,
      `${grepFor().join(" ")} ${folders} || [ $? -eq 1 ]`,
      life.secrets.patterns(false),
    );
    const journal = await cluster.onHost(node, "journalctl --no-pager --output=export --all");
    return [
      ...leaksIn(found, life.secrets, filesOf(node)),
      ...life.secrets.in(journal).map((name) => `journal: ${name}`),
    ].map((leak) => `${node}: ${leak}`);
  }

  const leaks = async (): Promise<string[]> => [
    ...(await life.leaks()),
    ...(await Promise.all(cluster.names.map(leaksOn))).flat(),
  ];

  itIsLived(() => life);

  it("has leaked no secret while it ran, and could not by a core", async () => {
    for (const node of cluster.names) {
      expect(await cluster.onHost(node, `stat -c '%U %a' ${filesOf(node).join(" ")} | sort -u`)).toBe("redis 600");
      expect(await cluster.onHost(node, coreLimits)).toMatch(/^Max core file size +0 +0 +bytes *$/);
    }
    expect(await leaks()).toEqual([]);
  });

  it("has leaked none when it has ended", async () => {
    await life.destroy();
    expect(await leaks()).toEqual([]);
    expect(life.watch.programs).toEqual(expect.arrayContaining(["terraform", "ssh", "redis-server", "redis-cli"]));
  });

  it("leaks would be found: in the journal, a log, a file of any folder, and as an argument on a host", async () => {
    const { secrets } = life;
    const log = `${HOST_STATE}/hosts/redis-a/log/redis.log`;
    const files = {
      "/etc/planted": "users/app",
      "/tmp/planted": "tls/nodes/redis-b.key",
      "/run/planted": "users/reader",
    };
    const planted = {
      ...files,
      "/dev/shm/planted": "users/admin",
      "/root/.bash_history": "users/monitor",
      [log]: "tls/ca.key",
    };
    for (const [file, name] of Object.entries(planted))
      await cluster.onHost("redis-a", `cat >>${file}`, `${secrets.value(name)}\n`);
    await cluster.onHost("redis-a", "logger --tag planted", secrets.value("users/replica"));
    await cluster.onHost("redis-a", `read -r it; sh -c 'sleep 3; :' sh "$it"`, `${secrets.value("users/sentinel")}\n`);
    expect(await leaks()).toEqual(
      expect.arrayContaining([
        ...Object.entries(planted).map(([file, name]) => `redis-a: ${file}: ${name}`),
        "redis-a: journal: users/replica",
        "arguments of sh: users/sentinel",
      ]),
    );
  });
});
