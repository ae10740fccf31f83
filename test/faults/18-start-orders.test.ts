import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { threeNodes } from "../support/checkout.ts";
import { Wreckage } from "../support/wreckage.ts";

/** Longer than a server needs to start, so that each node finds those before it and none after it. */
const BETWEEN_MS = 600;

const orders = <T>(items: readonly T[]): T[][] =>
  items.length <= 1
    ? [[...items]]
    : items.flatMap((first) => orders(items.filter((each) => each !== first)).map((rest) => [first, ...rest]));

/** Everything is killed, and started in whatever order: one master, and it has the data. */
describe.sequential("a cold start", () => {
  const nodes = ["redis-a", "redis-b", "redis-c"];
  let wreckage: Wreckage;
  beforeAll(async () => {
    wreckage = await Wreckage.create(threeNodes("local", 18920));
  });
  afterAll(() => wreckage?.remove());
  beforeEach(async () => {
    await wreckage.cluster.whole();
    await wreckage.write();
  });

  async function start(order: readonly string[]): Promise<void> {
    for (const node of order) {
      wreckage.startAgent(node);
      await delay(BETWEEN_MS);
    }
  }

  async function living(): Promise<string[]> {
    const states = await Promise.all(nodes.map((node) => wreckage.cluster.state(node)));
    return nodes.filter((_, index) => states[index] !== undefined);
  }

  async function everyOrder(order: readonly string[]): Promise<void> {
    const master = await wreckage.cluster.whole();
    await wreckage.killAll();
    await start(order);
    expect(await wreckage.cluster.whole()).toBe(master);
    await wreckage.keptOn(...nodes);
  }

  /** One node stays away: the two others find a master with the data, whoever it is, and go on when it comes back. */
  async function withoutOne(order: readonly string[], missing: string): Promise<void> {
    await wreckage.inStep(...(await living()));
    await wreckage.killAll();
    await start(order);
    const master = await waitFor(
      `one master without ${missing}`,
      async () => {
        const named = await wreckage.cluster.master();
        const other = order.find((node) => node !== named) as string;
        return named !== "" && (await wreckage.cluster.state(other))?.link === "up" ? named : undefined;
      },
      40_000,
      100,
    );
    expect(order).toContain(master);
    await wreckage.keptOn(...order);
    wreckage.startAgent(missing);
    expect(await wreckage.cluster.whole()).toBe(master);
    await wreckage.keptOn(...nodes);
  }

  it.each(orders(nodes))("of a cluster that never failed over, in the order %s, %s, %s", (...order) =>
    everyOrder(order),
  );

  it.each(orders(nodes))("all, after a failover: %s, %s, %s", async (...order) => {
    await wreckage.failOver();
    await wreckage.write();
    await everyOrder(order);
  });

  it.each(orders(nodes))("of %s and %s; %s comes later", (first, second, missing) =>
    withoutOne([first, second] as string[], missing),
  );

  // The former master starts fenced. As long as it says that it is master it reports no offset of a replica, so that
  // Sentinel prefers every real one.
  it.each(["before", "after"])("of a former master, %s the only one that has what was written since", async (when) => {
    const former = await wreckage.cluster.whole();
    await wreckage.kill(former, "agent", "redis", "sentinel");
    const last = await wreckage.cluster.masterOtherThan(former);
    const [other = ""] = nodes.filter((node) => node !== former && node !== last);
    await wreckage.write(1);
    await withoutOne(when === "before" ? [former, other] : [other, former], last);
  });

  // Both would start with an offset of 0, and Sentinel would take either.
  it.each(["before", "after"])(
    "of a replica that was away, %s the one that has what was written since",
    async (when) => {
      const master = await wreckage.cluster.whole();
      const [away = "", other = ""] = nodes.filter((node) => node !== master);
      await wreckage.kill(away, "agent", "redis", "sentinel");
      await wreckage.write(1);
      await withoutOne(when === "before" ? [away, other] : [other, away], master);
    },
  );

  it("leaves a cluster that holds", () => wreckage.holds());
});
