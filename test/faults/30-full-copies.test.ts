import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { parseInfo, withConnection } from "../../cluster/connection.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";

const VALUE = "x".repeat(2000);
const IN_A_PIPELINE = 500;
/** So many keys are written over and over: a data set of some 60 MB. */
const KEYS = 30_000;
const ROUNDS = 3;

/** Both replicas miss more than the backlog holds, again and again, while a client writes as fast as it can. */
describe.sequential("30: both replicas need full copies under load", () => {
  let cluster: AppliedCluster;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17340, { maxMemoryMb: 250 }));
  });
  afterAll(() => cluster?.remove());

  const info = async (node: string, section: string): Promise<Record<string, string>> =>
    withConnection(cluster.endpoint(node), async (redis) => parseInfo(await redis.info(section)), 3000);

  it("each gets one, not one after the other without end; the master stays and nothing is lost", async () => {
    const master = await cluster.master();
    const onMaster = (command: string, ...args: string[]): Promise<unknown> =>
      withConnection(cluster.endpoint(master), (redis) => redis.call(command, ...args), 3000);
    // The smallest that a description may have would need a minute of writes a round.
    await onMaster("CONFIG", "SET", "repl-backlog-size", "1mb");
    // While both replicas are cut off, writes have to go on.
    await onMaster("CONFIG", "SET", "min-replicas-to-write", "0");
    const replicas = await cluster.replicas();
    const fullCopies = async (): Promise<number> => Number((await info(master, "stats"))["sync_full"]);
    let flooding = true;
    const flood = withConnection(
      cluster.endpoint(master),
      async (redis) => {
        for (let number = 0; flooding;) {
          const pipeline = redis.pipeline();
          for (let each = 0; each < IN_A_PIPELINE; each++) pipeline.set(`flood:${number++ % KEYS}`, VALUE);
          await pipeline.exec();
        }
      },
      30_000,
    );
    let changes: string[] = [];
    try {
      const load = await cluster.underLoad(async () => {
        changes = await cluster.masterChanges(async () => {
          for (let round = 0; round < ROUNDS; round++) {
            const before = await fullCopies();
            for (const node of replicas) cluster.signal("SIGSTOP", node, "redis");
            const from = Number((await info(master, "replication"))["master_repl_offset"]);
            await onMaster("CLIENT", "KILL", "TYPE", "replica");
            await waitFor(
              "the backlog has moved on",
              async () => Number((await info(master, "replication"))["master_repl_offset"]) > from + 4e6 || undefined,
              10_000,
              10,
            );
            for (const node of replicas) cluster.signal("SIGCONT", node, "redis");
            const began = performance.now();
            await waitFor(
              "both have copies",
              async () => ((await fullCopies()) >= before + replicas.length ? true : undefined),
              20_000,
            );
            await cluster.cluster.whole(60_000);
            console.log(`two full copies under load: whole after ${Math.round(performance.now() - began)} ms`);
            // One that cannot keep up is cut off and asks for the next copy: some time for that to show.
            await delay(2000);
            expect((await fullCopies()) - before).toBe(replicas.length);
          }
        });
      });
      expectNothingLost(load);
      console.log(`${load.acknowledged} acknowledged, longest gap ${Math.round(load.longestGapMs)} ms`);
    } finally {
      flooding = false;
      await flood;
    }
    expect(changes).toEqual([]);
    // Sets both values back.
    await cluster.apply(master);
    await cluster.verified();
  });
});
