import { setTimeout as delay } from "node:timers/promises";
import type { ResultPromise } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import { waitFor } from "../../../agent/processes.ts";
import { Chaos, expectConfirmedKept, expectNothingLost, FAILOVER_MS } from "../../support/chaos.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";

/** From its promotion until the third node follows it and confirms writes. */
const FOLLOWED_MS = 3000;

/** A second fault while the cluster is not yet over the first. */
describeWithHosts("5: two faults", { timeout: 240_000 }, () => {
  let chaos: Chaos;
  beforeAll(async () => {
    chaos = await Chaos.up("chaos-two");
  }, 240_000);
  afterAll(() => chaos?.down());

  const sentinel = (node: string, ...args: string[]): Promise<string> =>
    chaos.host(node).run([...chaos.cluster.redisCli(node, { sentinel: true }), "sentinel", ...args]);

  it("kill -9 of the master, and of the next one as soon as it is named", async () => {
    const outcome = await chaos.under("kill -9 of the master and of the next one", async (master) => {
      await chaos.signal("KILL", master, "redis");
      await chaos.signal("KILL", await chaos.masterOtherThan(), "redis");
    });
    expectNothingLost(outcome);
  });

  it("the master's host is lost, and that of the next one: nobody takes writes until one is back", async () => {
    const outcome = await chaos.under("power loss of the master's host and of the next one's", async (first) => {
      await chaos.host(first).powerLoss();
      const second = await chaos.masterOtherThan(first);
      await delay(FOLLOWED_MS);
      await chaos.host(second).powerLoss();
      // Longer than down-after: one Sentinel of three makes nobody master.
      await delay(FOLLOWED_MS);
      const third = chaos.names.find((node) => ![first, second].includes(node));
      const { nodes } = await chaos.view();
      expect(nodes.find(({ node }) => node.name === third)?.redis?.state?.role).toBe("replica");
      for (const node of [first, second]) await chaos.host(node).boot();
    });
    expectConfirmedKept(outcome);
  });

  it.each(["crash-after-election", "crash-after-promotion"])("the leading Sentinel dies: %s", async (moment) => {
    const outcome = await chaos.under(
      `power loss of the master's host, leading Sentinel: ${moment}`,
      async (master) => {
        const replicas = await chaos.replicas();
        const pids = (): Promise<string[]> => Promise.all(replicas.map((node) => chaos.pid(node, "sentinel")));
        const before = await pids();
        for (const node of replicas) await sentinel(node, "simulate-failure", moment);
        await chaos.host(master).powerLoss();
        const crashed = async (): Promise<true | undefined> => (await pids()).join() !== before.join() || undefined;
        await waitFor("a Sentinel crashes", crashed, FAILOVER_MS, 50);
        // Once is enough: to ask for help clears what was set.
        for (const node of replicas) await sentinel(node, "simulate-failure", "help").catch(() => undefined);
        await chaos.masterOtherThan(master);
        await chaos.host(master).boot();
      },
    );
    expectConfirmedKept(outcome);
    expect(outcome.after).not.toBe(outcome.before);
  });

  it("the replica that is to be promoted dies", async () => {
    const outcome = await chaos.under("power loss of the master's host, kill -9 of its successor", async (master) => {
      const listeners = (await chaos.replicas()).map((node) => selections(chaos, node));
      try {
        await Promise.all(listeners.map(({ ready }) => ready));
        await chaos.host(master).powerLoss();
        const chosen = Promise.race(listeners.map(({ selected }) => selected));
        const text = await Promise.race([chosen, delay(FAILOVER_MS, "nobody was selected")]);
        const selected = chaos.names.find((node) => text.includes(`slave ${chaos.endpoint(node).address}:`));
        expect(selected, text).toBeDefined();
        await chaos.signal("KILL", selected as string, "redis");
      } finally {
        for (const { end } of listeners) await end();
      }
      await chaos.masterOtherThan(master);
      await chaos.host(master).boot();
    });
    expectConfirmedKept(outcome);
    expect(outcome.after).not.toBe(outcome.before);
  });
});

interface Listener {
  readonly ready: Promise<unknown>;
  /** What the Sentinel says of the replica that it selects. */
  readonly selected: Promise<string>;
  readonly end: () => Promise<unknown>;
}

/** Listens to whom the Sentinel of a node selects, where the clients are. `end` ends it. */
function selections(chaos: Chaos, node: string): Listener {
  const command = [...chaos.cluster.redisCli(node, { sentinel: true }), "subscribe", "+selected-slave"];
  const child: ResultPromise = chaos.cluster.lab.exec(command, { reject: false, stdin: "ignore" });
  let text = "";
  let started = (): void => undefined;
  let heard: (said: string) => void = started;
  const ready = new Promise<void>((resolve) => (started = resolve));
  const selected = new Promise<string>((resolve) => (heard = resolve));
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text.includes("subscribe")) started();
    if (/message[^]*@ /.test(text)) heard(text);
  });
  return {
    ready,
    selected,
    end: async () => {
      child.kill("SIGKILL");
      await child;
    },
  };
}
