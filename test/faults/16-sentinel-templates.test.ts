import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";

/** Every Sentinel gets a new file that needs its restart, all nodes at the same time, after a failover. */
describe.sequential("16: the Sentinels' files are applied again, all at once", () => {
  let cluster: AppliedCluster;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17880));
  });
  afterAll(() => cluster?.remove());

  it("they still name the master that the failover chose, and one restarts after the other", async () => {
    const nodes = cluster.cluster.names;
    const former = await cluster.master();
    cluster.kill(former, "agent", "redis");
    const master = await cluster.cluster.masterOtherThan(former);
    await cluster.apply(former);
    await cluster.verified();
    const before = nodes.map((node) => cluster.pid(node, "sentinel"));

    const load = await cluster.underLoad(async () => {
      const applied = await Promise.all(
        nodes.map((node) => {
          const spec = cluster.spec(node);
          const text = `${spec.files["sentinel.conf"] ?? ""}loglevel verbose\n`;
          return cluster.applySpec({ ...spec, files: { ...spec.files, "sentinel.conf": text } });
        }),
      );
      for (const { code, all } of applied) {
        expect(code, all).toBe(0);
        expect(all).toContain("sentinel restarted (sentinel.conf changed)");
      }
    });
    expectNothingLost(load);
    expect(nodes.map((node) => cluster.pid(node, "sentinel")).filter((pid) => before.includes(pid))).toEqual([]);
    expect(await cluster.master()).toBe(master);
    for (const node of nodes) await cluster.apply(node);
    expect(await cluster.master()).toBe(master);
    await cluster.verified();
  });
});
