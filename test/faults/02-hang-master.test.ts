import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isAlive, recordOf, waitFor } from "../../agent/processes.ts";
import { AcknowledgedWriter } from "../../drill/acknowledged-writer.ts";
import { createClient } from "../../drill/clients.ts";
import { AppliedCluster } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";
import type { Load } from "../support/steady-writer.ts";

const DOWN_AFTER_MS = 2000;
/** An election, a failover, and what a busy computer adds. */
const FAILOVER_MS = 15_000;

/** SIGSTOP: the server answers nothing, holds its connections open, and does not know how long it was away. */
describe.sequential("2: the master hangs", () => {
  let cluster: AppliedCluster;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17600));
  });
  afterAll(() => cluster?.remove());

  /**
   * Lets a process hang while clients write, one of them with WAIT 1, of whose confirmed writes none may be lost.
   * @param use while it hangs; it goes on afterwards
   */
  const hanging = async (
    pid: number,
    use: () => Promise<unknown>,
  ): Promise<{ load: Load; changes: string[]; confirmed: number }> => {
    const connection = cluster.cluster.plainOptions;
    const confirmed = new AcknowledgedWriter({ connection, name: `confirmed-${Date.now()}`, waitReplicas: 1 });
    let changes: string[] = [];
    try {
      const load = await cluster.underLoad(async () => {
        await waitFor("writes that WAIT confirms", () => confirmed.acknowledged > 20 || undefined, 5000);
        changes = await cluster.masterChanges(async () => {
          const record = recordOf(pid);
          process.kill(pid, "SIGSTOP");
          try {
            await use();
          } finally {
            if (record && isAlive(record)) process.kill(pid, "SIGCONT");
          }
          await cluster.cluster.whole();
          // Sentinels that had begun to act go on, although the master is back.
          await delay(2500);
          await cluster.verified();
        });
        const { acknowledged } = confirmed;
        await waitFor("more such writes", () => confirmed.acknowledged > acknowledged + 20 || undefined, 10_000);
      });
      const { acks, lost } = await confirmed.finish(cluster.endpoint(await cluster.master()));
      expect(lost, "lost writes that WAIT 1 had confirmed").toEqual([]);
      return { load, changes, confirmed: acks.length };
    } finally {
      await confirmed.stop();
    }
  };

  it("for three times down-after: another node is master, the server is killed then, and not before", async () => {
    const master = await cluster.master();
    const pid = cluster.pid(master, "redis");
    const record = recordOf(pid);
    const defaults = createClient("defaults", cluster.cluster.topology, "master", cluster.cluster.logins);
    try {
      await defaults.set("of-a-client-with-defaults", "1");
      const { load, changes } = await hanging(pid, async () => {
        const waiting = defaults.set("of-a-client-with-defaults", "2");
        const { port } = cluster.endpoint(master);
        const killed = async (): Promise<true | undefined> => {
          if (record && isAlive(record)) return undefined;
          const others = (await cluster.sentinels()).filter(({ state }) => state && state.master.port !== port);
          expect(others.length, "Sentinels that name another master").toBeGreaterThanOrEqual(2);
          return true;
        };
        await waitFor("the server is killed", killed, FAILOVER_MS, 2);
        expect(await waiting).toBe("OK");
        await delay(DOWN_AFTER_MS);
      });
      console.log(`hang: ${Math.round(load.longestGapMs)} ms without writes, ${load.lost.length} without WAIT lost`);
      expect(changes).toHaveLength(1);
      expect(load.errors).toEqual([]);
      expect(load.longestGapMs).toBeLessThan(FAILOVER_MS);
      expect(cluster.agentLog(master)).toContain("is master: killed, so that its clients come free");
      expect((await cluster.cluster.state(master))?.role).toBe("replica");
    } finally {
      defaults.disconnect();
    }
  });

  it("for half of down-after: nothing happens, and nothing is lost", async () => {
    const { load, changes } = await hanging(cluster.pid(await cluster.master(), "redis"), () => delay(1000));
    expect(changes).toEqual([]);
    expect(load).toMatchObject({ lost: [], errors: [] });
  });

  // Around the time at which the Sentinels notice, vote, promote and tell the others.
  it.each([1800, 2100, 2400, 2600, 2800, 3000, 3200, 3400, 3700])("for %i ms", async (ms) => {
    const master = await cluster.master();
    const before = cluster.agentLog(master).length;
    const { load, changes, confirmed } = await hanging(cluster.pid(master, "redis"), () => delay(ms));
    console.log(
      `hang of ${ms} ms: ${changes.length} changes, ${Math.round(load.longestGapMs)} ms without writes, ` +
        `${load.lost.length} of ${load.acknowledged} without WAIT lost, 0 of ${confirmed} with WAIT 1`,
    );
    expect(changes.length).toBeLessThanOrEqual(1);
    // It was fenced, unless it went on before that was due, or was ended when another one was master.
    if (ms > DOWN_AFTER_MS)
      expect(cluster.agentLog(master).slice(before)).toMatch(/redis: stood still|redis-\w is master: killed/);
    // What was on its way when it went on: it carries that out before it reads anything else.
    expect(load.lost.length).toBeLessThanOrEqual(1);
    expect(load.errors).toEqual([]);
  });

  it("a replica hangs: the master goes on", async () => {
    const [replica] = await cluster.replicas();
    const { load, changes } = await hanging(cluster.pid(replica, "redis"), () => delay(3 * DOWN_AFTER_MS));
    expect(changes).toEqual([]);
    expect(load).toMatchObject({ lost: [], errors: [] });
    expect(load.longestGapMs).toBeLessThan(1000);
  });
});
