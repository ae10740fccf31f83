import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { directLoginOf } from "../../cli/client-options.ts";
import type { ClientLogins } from "../../secrets/logins.ts";
import { type Endpoint, withConnection } from "../../cluster/connection.ts";
import { AcknowledgedWriter } from "../../drill/acknowledged-writer.ts";
import { AppliedCluster } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";
import type { Load } from "../support/steady-writer.ts";

const endless = "while true do end";
/** The kill of a script waits until it has written nothing: this one can only be ended together with its server. */
const unkillable = `redis.call('SET', 'of-the-script', '1') ${endless}`;

/** Takes so long, and cannot be killed as it has written. A script has no clock, so it counts. */
async function scriptOf(ms: number, server: Endpoint): Promise<string> {
  const counting = (to: number): string => `for i = 1, ${to} do end`;
  const sample = 20_000_000;
  const began = performance.now();
  await withConnection(server, (redis) => redis.eval(counting(sample), 0), 5000);
  const count = Math.round((sample * ms) / (performance.now() - began));
  return `redis.call('SET', 'of-the-script', '1') ${counting(count)}`;
}

/** Down-after is 2 s, an election about 1 s, and the agent looks every second; the rest is for a machine that is busy. */
const ENDS_WITHIN_MS = 20_000;

/** A client that has sent a script and hears nothing of it. */
class ScriptSender {
  /** What became of the script; undefined while it runs. */
  outcome: string | undefined;
  private readonly redis: Redis;

  constructor({ address, port }: { address: string; port: number }, script: string, logins: ClientLogins) {
    const login = directLoginOf("master", logins);
    this.redis = new Redis({ host: address, port, ...login, maxRetriesPerRequest: 0, retryStrategy: () => null });
    this.redis.on("error", () => undefined);
    this.redis.eval(script, 0).then(
      () => (this.outcome = "done"),
      (error: Error) => (this.outcome = error.message),
    );
  }

  /** Waits until the script has ended. @returns by what, and after how many milliseconds */
  async ended(): Promise<{ outcome: string; ms: number }> {
    const started = performance.now();
    const outcome = await waitFor("the script has ended", () => this.outcome, ENDS_WITHIN_MS);
    return { outcome, ms: Math.round(performance.now() - started) };
  }

  close(): void {
    this.redis.disconnect();
  }
}

/** A server that a script keeps busy. Each test leaves a whole cluster behind. */
describe.sequential("22: a busy script", () => {
  let cluster: AppliedCluster;

  /** Runs a script on a node while clients write, one of them with WAIT 1, until it has ended and the cluster is whole. */
  const running = async (
    node: string,
    script: string,
  ): Promise<{ outcome: string; changes: string[]; load: Load; restarted: boolean }> => {
    const before = cluster.pid(node, "redis");
    const connection = cluster.cluster.plainOptions;
    const confirmed = new AcknowledgedWriter({ connection, name: `confirmed-${Date.now()}`, waitReplicas: 1 });
    let sender: ScriptSender | undefined;
    let outcome = "";
    let changes: string[] = [];
    try {
      const load = await cluster.underLoad(async () => {
        await waitFor("writes that WAIT confirms", () => confirmed.acknowledged > 20 || undefined, 5000);
        changes = await cluster.masterChanges(async () => {
          sender = new ScriptSender(cluster.endpoint(node), script, cluster.cluster.logins);
          const ended = await sender.ended();
          ({ outcome } = ended);
          console.log(`${ended.ms} ms until: ${outcome.slice(0, 100)}`);
          await cluster.cluster.whole(ENDS_WITHIN_MS);
          await cluster.verified();
        });
        const { acknowledged } = confirmed;
        await waitFor("more such writes", () => confirmed.acknowledged > acknowledged + 20 || undefined, 10_000);
      });
      const { acks, lost } = await confirmed.finish(cluster.endpoint(await cluster.master()));
      expect(acks.length).toBeGreaterThan(0);
      expect(lost, "lost writes that WAIT 1 had confirmed").toEqual([]);
      console.log(
        `${Math.round(load.longestGapMs)} ms without writes; ${load.acknowledged} acknowledged, ${load.lost.length} lost; ` +
          `masters: ${changes.join(", ") || "unchanged"}`,
      );
      return { outcome, changes, load, restarted: cluster.pid(node, "redis") !== before };
    } finally {
      sender?.close();
      await confirmed.stop();
    }
  };
  /** A busy server acknowledges nothing, and a replica has what it acknowledged before. */
  const expectOnlyBusy = ({ lost, errors, acknowledged }: Load): void => {
    expect(acknowledged).toBeGreaterThan(0);
    expect(lost, "acknowledged writes that are lost").toEqual([]);
    expect(errors.filter((error) => !error.startsWith("BUSY "))).toEqual([]);
  };

  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17760));
  });
  afterAll(() => cluster?.remove());

  it("on the master, and it has written nothing: its agent kills the script before the Sentinels act", async () => {
    const master = await cluster.master();
    const { outcome, changes, load, restarted } = await running(master, endless);
    expect(outcome).toContain("Script killed by user with SCRIPT KILL");
    expectOnlyBusy(load);
    expect(changes).toEqual([]);
    expect(cluster.agentLog(master)).toContain("redis: a script kept it busy");
    expect(restarted).toBe(false);
  });

  it("on the master, and it has written: its agent ends it with its server when the Sentinels have begun", async () => {
    const master = await cluster.master();
    const { outcome, changes, load, restarted } = await running(master, unkillable);
    expect(outcome).toBe("Connection is closed.");
    expectOnlyBusy(load);
    expect(changes).toHaveLength(1);
    expect(restarted).toBe(true);
    expect(cluster.agentLog(master)).toMatch(/keeps it busy for \d+ ms, and the Sentinels replace it: killed with it/);
    expect((await cluster.cluster.state(master))?.role).toBe("replica");
    // What did not end has not happened.
    for (const node of cluster.cluster.names) {
      expect(await withConnection(cluster.endpoint(node), (redis) => redis.exists("of-the-script"))).toBe(0);
    }
  });

  // Before, while and after the Sentinels begin.
  it.each([1500, 2000, 2500, 2800, 3000, 3200])(
    "on the master, which has written and ends by itself after %s ms: one master, and nothing is lost",
    async (ms) => {
      const master = await cluster.master();
      const { outcome, changes, load } = await running(master, await scriptOf(ms, cluster.endpoint(master)));
      expect(["done", "Connection is closed."]).toContain(outcome);
      expect(changes.length).toBeLessThanOrEqual(1);
      expect(load.acknowledged).toBeGreaterThan(0);
      expect(load.lost, "acknowledged writes that are lost").toEqual([]);
    },
  );

  it("on a replica: Sentinel kills the script, and the master stays", async () => {
    const [replica] = await cluster.replicas();
    const { outcome, changes, load, restarted } = await running(replica, endless);
    expect(outcome).toContain("Script killed by user with SCRIPT KILL");
    expectOnlyBusy(load);
    expect(load.errors).toEqual([]);
    expect(changes).toEqual([]);
    expect(restarted).toBe(false);
  });
});
