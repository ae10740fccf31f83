import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { directLoginOf } from "../../cli/client-options.ts";
import type { ClusterView } from "../../cluster/view.ts";
import { monotonicMs, type Written } from "../../drill/acknowledged-writer.ts";
import type { InsideProcess } from "../../drill/inside-process.ts";
import type { NamespacedCluster } from "../../drill/namespaced-cluster.ts";
import { localPair } from "../../environments/local-pair.ts";
import { local } from "../../environments/local.ts";
import { describeInNamespaces, namespacedCluster } from "../support/lab.ts";

/** Three times down-after: long enough for any failover that would come. */
const CUT_MS = 6000;

/** What one Sentinel says of the master's state, as a view shows it. */
const flagsAt = (view: ClusterView, node: string): string | undefined =>
  view.nodes.find((each) => each.node.name === node)?.sentinel?.state?.flags;
/** Why each server of a node could not be asked; undefined for one that answers. */
const errorsAt = (view: ClusterView, node: string): (string | undefined)[] =>
  view.nodes
    .filter((each) => each.node.name === node)
    .flatMap(({ redis, sentinel }) => [redis, sentinel].flatMap((answer) => (answer ? [answer.error] : [])));
const epochs = (view: ClusterView): (number | undefined)[] =>
  view.nodes.map(({ sentinel }) => sentinel?.state?.configEpoch);

/** A writer beside the master, as a client of it that no partition concerns. */
class Writing {
  private static started = 0;
  private readonly name = `writing-${Writing.started++}`;

  private constructor(
    private readonly process: InsideProcess,
    private readonly cluster: NamespacedCluster,
  ) {}

  static async start(cluster: NamespacedCluster): Promise<Writing> {
    const master = await cluster.whole();
    const writing = new Writing(cluster.inside({ node: master }), cluster);
    const { address: host, port } = cluster.endpoint(master);
    const options = {
      name: writing.name,
      waitReplicas: 0,
      connection: { host, port, ...directLoginOf("master", cluster.logins) },
    };
    await writing.process.ask("startWriter", options);
    await writing.untilWritten(50);
    return writing;
  }

  acknowledged(): Promise<number> {
    return this.process.ask("acknowledged", this.name);
  }

  async untilWritten(more: number): Promise<void> {
    const before = await this.acknowledged();
    const enough = async () => ((await this.acknowledged()) >= before + more ? true : undefined);
    await waitFor(`${more} more writes are acknowledged`, enough, 15_000, 50);
  }

  async finish(): Promise<Written> {
    return this.process.ask("finishWriter", this.name, this.cluster.endpoint(await this.cluster.whole()));
  }
}

/** Longest time between two acknowledged writes, in milliseconds. */
const longestGapMs = ({ acks }: Written): number =>
  Math.max(...acks.slice(1).map(({ atMs }, index) => atMs - (acks[index]?.atMs ?? 0)));

describeInNamespaces("a partition in which nobody else has a majority", () => {
  const cluster = namespacedCluster(local);
  let master: string;
  let others: string[];
  let before: ClusterView;
  let writing: Writing;

  beforeEach(async () => {
    master = await cluster().whole();
    before = await cluster().view();
    others = before.nodes.map(({ node }) => node.name).filter((name) => name !== master);
    writing = await Writing.start(cluster());
  });
  afterEach(async () => {
    for (const node of [master, ...others]) cluster().namespaces.heal(node);
    await cluster().whole();
  });

  /** Nobody was promoted: same master, same epochs as before. */
  async function nothingHasChanged(): Promise<void> {
    expect(await cluster().whole()).toBe(master);
    expect(epochs(await cluster().view())).toEqual(epochs(before));
  }

  it("a replica and its Sentinel cut off: writes go on, and it catches up by itself", async () => {
    const [cutOff = ""] = others;
    cluster().namespaces.isolate(cutOff);
    await delay(CUT_MS);
    const view = await cluster().view();
    expect(errorsAt(view, cutOff)).not.toContain(undefined);
    expect(view.master?.name).toBe(master);
    await writing.untilWritten(50);
    cluster().namespaces.heal(cutOff);
    await nothingHasChanged();
    const written = await writing.finish();
    expect(written.lost).toEqual([]);
    expect(longestGapMs(written)).toBeLessThan(500);
  });

  it("the master unseen by one Sentinel, in one direction only: that one alone holds it for down", async () => {
    const [blind = "", seeing = ""] = others;
    cluster().namespaces.block(master, blind);
    await waitFor(
      `the Sentinel of ${blind} holds ${master} for down`,
      async () => (flagsAt(await cluster().view(), blind)?.includes("s_down") ? true : undefined),
      10_000,
      100,
    );
    await delay(CUT_MS);
    const view = await cluster().view();
    expect(flagsAt(view, blind)).not.toContain("o_down");
    expect(flagsAt(view, seeing)).toBe("master");
    expect(view.master?.name).toBe(master);
    await writing.untilWritten(50);
    cluster().namespaces.unblock(master, blind);
    await nothingHasChanged();
    const written = await writing.finish();
    expect(written.lost).toEqual([]);
    expect(longestGapMs(written)).toBeLessThan(500);
  });

  it("every node alone: nobody is promoted, the master is soon refused its writes, and all meet again", async () => {
    const views = others.map((node) => cluster().inside({ node }));
    for (const node of others) cluster().namespaces.isolate(node);
    const cutAt = monotonicMs();
    await delay(CUT_MS);
    const stopped = await writing.acknowledged();
    for (const [index, node] of others.entries()) {
      const { environment, inventory } = cluster();
      const alone = await views[index]?.ask("view", environment, inventory);
      const own = alone?.nodes.find((each) => each.node.name === node);
      expect(own?.redis?.state?.role).toBe("replica");
      expect(own?.sentinel?.state?.flags).toContain("s_down");
    }
    expect(await writing.acknowledged()).toBe(stopped);
    for (const node of others) cluster().namespaces.heal(node);
    await cluster().whole();
    // The two that meet first may still hold the master for down, and then replace it: its last writes go with it.
    const { acks, lost } = await writing.finish();
    expect(acks.length).toBeGreaterThan(0);
    expect(lost.filter(({ atMs }) => atMs < cutAt - 100)).toEqual([]);
    await (await Writing.start(cluster())).finish();
  });
});

describeInNamespaces("a partition of one node of two and a witness", () => {
  const cluster = namespacedCluster(localPair);

  it.each(["witness-c", "redis-b"])("%s alone: writes go on, and nobody is promoted", async (cutOff) => {
    const writing = await Writing.start(cluster());
    const master = await cluster().whole();
    const before = epochs(await cluster().view());
    cluster().namespaces.isolate(cutOff);
    await delay(CUT_MS);
    const view = await cluster().view();
    expect(errorsAt(view, cutOff)).not.toContain(undefined);
    expect(view.master?.name).toBe(master);
    await writing.untilWritten(50);
    cluster().namespaces.heal(cutOff);
    expect(await cluster().whole()).toBe(master);
    expect(epochs(await cluster().view())).toEqual(before);
    const written = await writing.finish();
    expect(written.lost).toEqual([]);
    expect(longestGapMs(written)).toBeLessThan(500);
  });
});
