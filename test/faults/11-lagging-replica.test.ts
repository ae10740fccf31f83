import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { clientOptions } from "../../cli/client-options.ts";
import type { RedisState } from "../../cluster/answers.ts";
import { local } from "../../environments/local.ts";
import { describeInNamespaces, namespacedCluster } from "../support/lab.ts";

const ROUNDS = 3;
const CUT_OFF_MS = 2000;

describeInNamespaces("11: one replica has missed the last two seconds, and the master's host is gone", () => {
  const cluster = namespacedCluster(local);

  const states = async (): Promise<Map<string, RedisState>> =>
    new Map(
      (await cluster().view()).nodes.flatMap(({ node, redis }) => (redis?.state ? [[node.name, redis.state]] : [])),
    );

  it("the other one is promoted, though Sentinel would prefer the first; nothing that WAIT confirmed is lost", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const master = await cluster().whole();
      const replicas = [...(await states())].filter(([name]) => name !== master);
      // Of equals Sentinel takes the one with the smaller run id: that one is made to lag.
      replicas.sort(([, a], [, b]) => (a.runId < b.runId ? -1 : 1));
      const [lagging = "", fresh = ""] = replicas.map(([name]) => name);
      const writing = cluster().inside("control");
      const options = clientOptions(cluster().inventory, "master", cluster().logins);
      const name = `round-${round}`;
      const connection = { ...options, sentinels: [...options.sentinels] };
      await writing.ask("startWriter", { name, waitReplicas: 1, connection });
      const acknowledged = (more: number, from: number): Promise<true> =>
        waitFor(
          `${more} more writes are acknowledged`,
          async () => ((await writing.ask("acknowledged", name)) >= from + more ? true : undefined),
          30_000,
          50,
        );
      await acknowledged(50, 0);

      cluster().namespaces.block(lagging, master);
      cluster().namespaces.block(master, lagging);
      await delay(CUT_OFF_MS);
      const before = await states();
      expect(before.get(lagging)?.offset).toBeLessThan(before.get(fresh)?.offset as number);
      const count = await writing.ask("acknowledged", name);
      cluster().namespaces.isolate(master);

      await acknowledged(50, count);
      const after = await states();
      expect([after.get(fresh)?.role, after.get(lagging)?.role]).toEqual(["master", "replica"]);
      cluster().namespaces.unblock(lagging, master);
      cluster().namespaces.unblock(master, lagging);
      cluster().namespaces.heal(master);
      expect(await cluster().whole()).toBe(fresh);
      const written = await writing.ask("finishWriter", name, cluster().endpoint(fresh));
      expect(written.lost).toEqual([]);
      await writing.end();
    }
  });
});
