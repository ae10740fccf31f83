import { afterAll, beforeAll, expect, it } from "vitest";
import { Chaos, expectNothingLost } from "../../support/chaos.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";

/** What an operator does to the master's host: its role is handed over before anything of it stops. */
describeWithHosts("1: the master's host is switched off in order", { timeout: 240_000 }, () => {
  let chaos: Chaos;
  beforeAll(async () => {
    chaos = await Chaos.up("chaos-planned");
  }, 240_000);
  afterAll(() => chaos?.down());

  const handedOver = async (scenario: string, use: (master: string) => Promise<unknown>): Promise<void> => {
    const outcome = await chaos.under(scenario, async (master) => {
      await use(master);
      // It came back, and took nothing back.
      expect(await chaos.master()).not.toBe(master);
    });
    expectNothingLost(outcome);
    // Sentinel alone would need down-after, 2 s, before it begins.
    expect(outcome.plain.longestGapMs, "a hand-over, and not a failover").toBeLessThan(2000);
    const journal = await chaos.host(outcome.before).run(["journalctl", "--no-pager", "--unit=redis-ha-hosts-redis"]);
    expect(journal).toContain("master's role handed over to");
  };

  it("poweroff, and on again", () =>
    handedOver("poweroff of the master's host, then boot", async (master) => {
      await chaos.host(master).poweroff();
      await chaos.host(master).boot();
    }));

  it("systemctl restart of its redis", () =>
    handedOver("systemctl restart of the master", (master) => chaos.systemctl(master, "restart", "redis")));
});
