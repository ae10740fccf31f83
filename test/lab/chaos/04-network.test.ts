import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { waitFor } from "../../../agent/processes.ts";
import { monotonicMs } from "../../../drill/acknowledged-writer.ts";
import type { Direction } from "../../../tools/lab/host.ts";
import { Chaos, expectConfirmedKept, expectNothingLost, FAILOVER_MS } from "../../support/chaos.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";

/** Three times down-after: long enough for any failover that would come. */
const CUT_MS = 6000;
const PARTITION_MS = 15_000;
/** Promised is about 1 s; without any rule the cut-off master would go on for all of the partition. */
const REFUSED_WITHIN_MS = 7000;
const SENTINEL_PORT = "26379";

/** Packets are dropped silently, as by a firewall or a switch that is gone. */
describeWithHosts("4: the network", { timeout: 240_000 }, () => {
  let chaos: Chaos;
  beforeAll(async () => {
    chaos = await Chaos.up("chaos-network");
  }, 240_000);
  afterAll(() => chaos?.down());

  async function cut(node: string, direction: Direction, use: () => Promise<unknown>): Promise<void> {
    await chaos.host(node).cut(direction);
    try {
      await use();
    } finally {
      await chaos.host(node).uncut();
    }
  }

  /** @param rules of iptables on the node's host, without what is done to a packet */
  async function dropping(node: string, rules: readonly string[][], use: () => Promise<unknown>): Promise<void> {
    const iptables = (what: string): Promise<unknown> =>
      Promise.all(
        rules.map(([chain = "", ...rule]) =>
          chaos.host(node).run(["iptables", "-w", what, chain, ...rule, "-j", "DROP"]),
        ),
      );
    await iptables("-I");
    try {
      await use();
    } finally {
      await iptables("-D");
    }
  }

  /** Which servers of a node do not answer the clients. */
  async function silent(node: string): Promise<string[]> {
    const view = (await chaos.view()).nodes.find((each) => each.node.name === node);
    return (["redis", "sentinel"] as const).filter((server) => view?.[server]?.error !== undefined);
  }

  // As seen from outside: nothing reaches the master, or nothing of it arrives, or both.
  it.each<[Direction, string]>([
    ["both", "the master's host is cut off both ways"],
    ["in", "nothing reaches the master's host"],
    ["out", "nothing leaves the master's host"],
  ])("the master's host is lost: %s", async (direction, scenario) => {
    const outcome = await chaos.under(scenario, async (master) => {
      let other = "";
      await cut(master, direction, async () => {
        other = await chaos.masterOtherThan(master);
        await delay(CUT_MS);
      });
      // The old master returns, and takes nothing back.
      expect(await chaos.master()).toBe(other);
    });
    expectConfirmedKept(outcome);
  });

  it("the master's host is cut off together with clients: they are soon refused, the others have a new master", async () => {
    let [refusedAfterMs, firstLostMs, innerLost] = [0, Infinity, 0];
    const outcome = await chaos.under("the master is cut off with clients beside it", async (master) => {
      const beside = await chaos.beside(master);
      const cutAt = monotonicMs();
      await cut(master, "both", () => delay(PARTITION_MS));
      const { plain, wait } = await beside.finish(chaos.endpoint(await chaos.master()));
      expect(wait.acks.length).toBeGreaterThan(0);
      expect(wait.lost, "lost writes that WAIT 1 had confirmed").toEqual([]);
      refusedAfterMs = (plain.acks.at(-1)?.atMs ?? Infinity) - cutAt;
      firstLostMs = (plain.lost[0]?.atMs ?? Infinity) - cutAt;
      innerLost = plain.lost.length;
    });
    console.log(`beside the cut-off master: refused after ${Math.round(refusedAfterMs)} ms, ${innerLost} lost`);
    expect(refusedAfterMs).toBeLessThan(REFUSED_WITHIN_MS);
    // None would mean that it was not cut off.
    expect(innerLost).toBeGreaterThan(0);
    expect(firstLostMs, "lost only what was acknowledged after the cut, or was on its way").toBeGreaterThan(-100);
    expectConfirmedKept(outcome);
    expect(outcome.after).not.toBe(outcome.before);
  });

  it("a replica's host is cut off: writes go on, and it catches up by itself", async () => {
    const outcome = await chaos.under("a replica's host is cut off", async (master) => {
      const [replica] = await chaos.replicas();
      await cut(replica, "both", async () => {
        await delay(CUT_MS);
        expect(await silent(replica)).toEqual(["redis", "sentinel"]);
      });
      expect(await chaos.master()).toBe(master);
    });
    expectNothingLost(outcome);
    expect(outcome.after).toBe(outcome.before);
  });

  it.each(["master", "replica"])(
    "the Sentinel of the %s is cut off from the others: nobody is replaced",
    async (whose) => {
      const outcome = await chaos.under(`the Sentinel of the ${whose} is cut off`, async (master) => {
        const node = whose === "master" ? master : (await chaos.replicas())[0];
        const rules = [
          ["INPUT", "-i", "host0", "-p", "tcp", "--dport", SENTINEL_PORT],
          ["OUTPUT", "-o", "host0", "-p", "tcp", "--dport", SENTINEL_PORT],
        ];
        await dropping(node, rules, () => delay(CUT_MS));
        expect(await chaos.master()).toBe(master);
      });
      expectNothingLost(outcome);
      expect(outcome.after).toBe(outcome.before);
    },
  );

  it("the master is unseen by one Sentinel: that one alone holds it for down", async () => {
    const outcome = await chaos.under("the master is unseen by one Sentinel", async (master) => {
      const [blind, seeing] = await chaos.replicas();
      const flagsAt = async (node: string): Promise<string> =>
        (await chaos.view()).nodes.find((each) => each.node.name === node)?.sentinel?.state?.flags ?? "";
      const rules = [["INPUT", "-i", "host0", "-s", chaos.endpoint(master).address]];
      await dropping(blind, rules, async () => {
        const isDown = async (): Promise<true | undefined> => (await flagsAt(blind)).includes("s_down") || undefined;
        await waitFor(`the Sentinel of ${blind} holds ${master} for down`, isDown, FAILOVER_MS, 100);
        await delay(CUT_MS);
        expect(await flagsAt(blind)).not.toContain("o_down");
        expect(await flagsAt(seeing)).toBe("master");
      });
      expect(await chaos.master()).toBe(master);
    });
    expectNothingLost(outcome);
    expect(outcome.after).toBe(outcome.before);
  });
});
