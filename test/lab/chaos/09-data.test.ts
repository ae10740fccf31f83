import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Chaos, expectNothingLost, FAILOVER_MS } from "../../support/chaos.ts";
import type { Outcome } from "../../support/chaos-line.ts";
import { grow, lacks, maxMemoryMbFor, whyNoRoomFor } from "../../support/data-set.ts";
import { DATA_GB, dataSizes } from "../../support/data-sizes.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";

const sizes = dataSizes(process.env[DATA_GB] ?? "1");
const largest = Math.max(...sizes);
const whyNot = whyNoRoomFor(largest);
if (whyNot !== undefined) console.warn(`SKIPPED, no cluster with much data is tested: ${whyNot}`);
const describeData = whyNot === undefined ? describeWithHosts : describe.skip;

/** An exit, loading and a full copy take some 10 s a GB on a busy computer with 2 cores, each of three nodes in turn. */
const IN_STEP_MS = FAILOVER_MS * (1 + largest);
const TIMEOUT_MS = 240_000 * (1 + largest);

const TAKES_LONG =
  /crashed as master|is master after|DB loaded from append only file:|Successful partial resync|Full resync from master|: Finished with success/;

/** A server that ends, loads its files or sends a copy needs the longer for it the more data it has. */
describeData("9: much data", { timeout: TIMEOUT_MS }, () => {
  let chaos: Chaos;
  beforeAll(async () => {
    chaos = await Chaos.up("chaos-data", { settings: { maxMemoryMb: maxMemoryMbFor(largest) } });
  }, 240_000);
  afterAll(() => chaos?.down());

  describe.each(sizes.map((gb, index) => [gb, sizes[index - 1] ?? 0] as const))("%s GB", (gb, before) => {
    beforeAll(() => grow(chaos, before, gb), TIMEOUT_MS);

    /** What servers and agents say of what takes long. */
    const told = (): string[] =>
      chaos.names.flatMap((node) =>
        ["agent", "redis"].flatMap((name) =>
          fs
            .readFileSync(chaos.file(node, "log", `${name}.log`), "utf8")
            .split("\n")
            .filter((line) => TAKES_LONG.test(line))
            .map((line) => `${node} ${line}`),
        ),
      );

    /** A scenario after which all of the data set is there too. */
    const under = async (scenario: string, use: (master: string) => Promise<unknown>): Promise<Outcome> => {
      const toldBefore = new Set(told());
      const outcome = await chaos.under(`${scenario}, ${gb} GB of data`, async (master) => {
        await use(master);
        const from = performance.now();
        await chaos.master(IN_STEP_MS);
        console.log(`whole again ${((performance.now() - from) / 1000).toFixed(1)} s later`);
      });
      console.log(
        told()
          .filter((line) => !toldBefore.has(line))
          .join("\n"),
      );
      expectNothingLost(outcome);
      for (const node of chaos.names) expect(await lacks(chaos, node, gb), `keys that ${node} lacks`).toBe(0);
      return outcome;
    };

    it("kill -9 of the master: nothing is lost", async () => {
      const outcome = await under("kill -9 of the master", (master) => chaos.signal("KILL", master, "redis"));
      // Its connections are open until its memory is free. On a busy computer that may be too late for a hand-over.
      expect(chaos.agentLog(outcome.before)).not.toContain("is still linked");
    });

    it("kill -9 of the master and its agent: nothing is lost", async () => {
      await under("kill -9 of master and agent", (master) => chaos.signal("KILL", master, "agent", "redis"));
    });

    it("a replica's disk is lost: it gets all of it from the master, which goes on", async () => {
      const outcome = await under("a replica's host loses its power and its data", async () => {
        const [replica] = await chaos.replicas();
        await chaos.host(replica).powerLoss();
        const folder = chaos.file(replica, "redis");
        for (const name of fs.readdirSync(folder)) fs.rmSync(path.join(folder, name), { recursive: true });
        await chaos.host(replica).boot();
      });
      expect(outcome.after).toBe(outcome.before);
    });

    // Of one node, as it takes a minute each: a replica loads its files and gets a copy just as here.
    it("roll of the master: its role is handed over first", async () => {
      const outcome = await under("roll of the master", async (master) => {
        const { code, all } = await chaos.cluster.redisHa("roll", master);
        expect(code, all).toBe(0);
      });
      expect(outcome.after).not.toBe(outcome.before);
      // Sentinel alone would need down-after, 2 s, before it begins.
      expect(outcome.plain.longestGapMs, "a hand-over, and not a failover").toBeLessThan(2000);
    });
  });
});
