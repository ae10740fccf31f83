import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { withConnection } from "../../cluster/connection.ts";
import { clientKinds, createClient } from "../../drill/clients.ts";
import { lostWrites } from "../../drill/check.ts";
import { Ledger } from "../../drill/ledger.ts";
import { Writer } from "../../drill/writer.ts";
import { threeNodes } from "../support/checkout.ts";
import { Wreckage } from "../support/wreckage.ts";

const OUTAGE_MS = 60_000;
/** The longest pause between two attempts of a client with the recommended options is 250 ms. */
const BACK_WITHIN_MS = { recommended: 1000, defaults: 5000 };

/** Everything is dead for a minute, while clients go on trying. */
describe.sequential("31: a long outage", { timeout: 150_000 }, () => {
  let wreckage: Wreckage;
  beforeAll(async () => {
    wreckage = await Wreckage.create(threeNodes("local", 17840));
  });
  afterAll(() => wreckage?.remove());

  it("is over for a client within a second of the first write that the master takes, without the client's restart", async () => {
    const { cluster } = wreckage;
    const writers = clientKinds.map((client) => {
      const options = { client, rate: "paced", wait: false } as const;
      return new Writer(
        createClient(client, cluster.topology, "master", cluster.logins),
        new Ledger(`outage:${client}`),
        options,
      );
    });
    const lastSuccess = ({ traffic }: Writer): number => traffic.lastSuccess ?? 0;
    const untilAllSucceeded = (since: number): Promise<unknown> =>
      waitFor("every client writes", () => writers.every((each) => lastSuccess(each) > since) || undefined, 20_000, 5);
    try {
      for (const { traffic } of writers) traffic.start();
      await untilAllSucceeded(0);
      await wreckage.killAll();
      // What was answered and is not read yet.
      await delay(500);
      const deadAt = performance.now();
      await delay(OUTAGE_MS);
      expect(writers.every((each) => lastSuccess(each) < deadAt)).toBe(true);

      for (const node of cluster.names) wreckage.startAgent(node);
      const probe = async (): Promise<true | undefined> => {
        for (const node of cluster.names) {
          const written = withConnection(cluster.endpoint(node), (redis) => redis.set("probe", "1"), 500);
          if ((await written.catch(() => "")) === "OK") return true;
        }
        return undefined;
      };
      await waitFor("some node takes writes", probe, 20_000, 5);
      const writableAt = performance.now();
      const back = new Map<string, number>();
      await waitFor(
        "every client is back",
        () => {
          for (const each of writers) {
            const { client } = each.options;
            if (!back.has(client) && lastSuccess(each) > deadAt) back.set(client, performance.now() - writableAt);
          }
          return back.size === writers.length || undefined;
        },
        20_000,
        5,
      );
      console.log(
        `after ${OUTAGE_MS / 1000} s: ${[...back].map(([client, ms]) => `${client} back after ${Math.round(ms)} ms`).join(", ")}`,
      );
      for (const client of clientKinds) expect(back.get(client), client).toBeLessThan(BACK_WITHIN_MS[client]);

      await untilAllSucceeded(performance.now());
      for (const { traffic } of writers) await traffic.stop();
      const master = await cluster.whole();
      const node = cluster.topology.nodes.find(({ name }) => name === master);
      const lost = await lostWrites(
        node as NonNullable<typeof node>,
        writers.map(({ ledger }) => ledger),
      );
      for (const { ledger } of writers) expect(ledger.acknowledged).toBeGreaterThan(0);
      expect(lost.map(({ count }) => count)).toEqual([0, 0]);
      await wreckage.holds();
    } finally {
      await Promise.all(writers.map(({ traffic }) => traffic.stop()));
    }
  });
});
