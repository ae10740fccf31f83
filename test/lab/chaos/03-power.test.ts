import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Chaos, expectConfirmedKept, expectNothingLost } from "../../support/chaos.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";

/** Longer than down-after, 2 s, and an election: whoever is there by then has done without the one that is not. */
const LATE_MS = 6000;

/** Hosts lose their power: everything on them ends at once, and nobody is asked before. */
describeWithHosts("3: power is lost", { timeout: 240_000 }, () => {
  let chaos: Chaos;
  beforeAll(async () => {
    chaos = await Chaos.up("chaos-power");
  }, 240_000);
  afterAll(() => chaos?.down());

  it("of the master's host: another node is master, and it comes back as a replica", async () => {
    const outcome = await chaos.under("power loss of the master's host, then boot", async (master) => {
      await chaos.host(master).powerLoss();
      const other = await chaos.masterOtherThan(master);
      await chaos.host(master).boot();
      expect(await chaos.master()).toBe(other);
    });
    expectConfirmedKept(outcome);
  });

  it("of the master's host, which is back within a moment: one master, whoever is quicker", async () => {
    const outcome = await chaos.under("power loss and immediate boot of the master's host", async (master) => {
      await chaos.host(master).powerLoss();
      await chaos.host(master).boot();
    });
    expectConfirmedKept(outcome);
  });

  it("of a replica's host: the master goes on", async () => {
    const outcome = await chaos.under("power loss of a replica's host, then boot", async (master) => {
      const [replica] = await chaos.replicas();
      await chaos.host(replica).powerLoss();
      // Nobody is made master because of it.
      await delay(LATE_MS);
      await chaos.host(replica).boot();
      expect(await chaos.master()).toBe(master);
    });
    expectNothingLost(outcome);
    expect(outcome.after).toBe(outcome.before);
  });

  it.each<[string, (master: string, others: readonly string[]) => string[][]]>([
    ["all at the same time", (master, others) => [[master, ...others]]],
    ["the master first", (master, others) => [[master], [...others]]],
    ["the master last", (master, others) => [[...others], [master]]],
    ["one after the other, the master between", (master, [one = "", two = ""]) => [[one], [master], [two]]],
  ])("of all hosts; they boot %s", async (order, groups) => {
    const outcome = await chaos.under(`power loss of all hosts; boot: ${order}`, async (master) => {
      const others = await chaos.replicas();
      // By milliseconds: what the master and one replica confirm while the other one is off already, that one does not have,
      // and who was in step last is known to the second.
      await Promise.all([master, ...others].map((node) => chaos.host(node).powerLoss()));
      for (const [index, group] of groups(master, others).entries()) {
        if (index > 0) await delay(LATE_MS);
        await Promise.all(group.map((node) => chaos.host(node).boot()));
      }
    });
    expectConfirmedKept(outcome);
    // Its files have everything that it acknowledged.
    if (outcome.after === outcome.before) expectNothingLost(outcome);
  });
});
