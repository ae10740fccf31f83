import fs from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DataEvidence } from "../../agent/repair/data-evidence.ts";
import { readIfThere, writeAtomically } from "../../agent/node-folder.ts";
import { waitFor } from "../../agent/processes.ts";
import { retire } from "../../agent/retire.ts";
import { threeNodes } from "../support/checkout.ts";
import { Wreckage } from "../support/wreckage.ts";

/** Nobody can know whose data is the newest: the project says so, and does what the operator decides. */
describe.sequential("a master chosen by hand", () => {
  let wreckage: Wreckage;
  let names: string[];
  beforeAll(async () => {
    wreckage = await Wreckage.create(threeNodes("local", 18960));
    ({ names } = wreckage.cluster);
    await wreckage.failOver();
  });
  afterAll(() => wreckage?.remove());
  beforeEach(async () => {
    await wreckage.cluster.whole();
    await wreckage.write();
  });

  const elect = (...args: string[]) => wreckage.checkout.redisHa("elect", ...args, "--env", "local");
  const evidence = async (): Promise<DataEvidence[]> =>
    (JSON.parse((await elect("--json")).stdout) as { nodes: DataEvidence[] }).nodes;
  const logged = (node: string): string => readIfThere(`${wreckage.folder(node).logs}/agent.log`) ?? "";
  const untilLogged = (node: string, what: string): Promise<true> =>
    waitFor(`${node} logs "${what}"`, () => (logged(node).includes(what) ? true : undefined), 10_000);

  /** Everything is killed, and starts again with these roles on record and no Sentinel's state left. */
  async function startWith(replicaOf: (node: string) => { address: string; port: number }): Promise<void> {
    await wreckage.killAll();
    for (const node of names) {
      const { address, port } = replicaOf(node);
      writeAtomically(wreckage.folder(node).runtimeConf, `replicaof ${address} ${port}\n`);
      fs.rmSync(wreckage.folder(node).sentinelState);
      fs.rmSync(`${wreckage.folder(node).logs}/agent.log`);
    }
    for (const node of names) wreckage.startAgent(node);
  }

  it("is refused while there is a master that the Sentinels name", async () => {
    const master = await wreckage.cluster.whole();
    const replica = await wreckage.replica();
    const shown = await elect();
    expect(shown.code, shown.all).toBe(0);
    expect(shown.all).toContain(`${master} is master, and the Sentinels name it: there is nothing to decide`);
    expect(shown.all).not.toContain("redis-ha elect NODE");
    const refused = await elect(replica, "--yes");
    expect(refused.code).toBe(1);
    expect(refused.all).toContain(`${master} is master, and the Sentinels name it: there is nothing to decide`);
    expect(refused.all).toContain(`redis-ha failover --to ${replica}`);
    const unasked = await elect(replica);
    expect(unasked.code).toBe(1);
    expect(unasked.all).toContain("there is nothing to decide");
    expect(await wreckage.cluster.whole()).toBe(master);
  });

  it("ends a circle: all Sentinels' state is lost, and each node was a replica of another", async () => {
    await startWith((node) => wreckage.cluster.endpoint(names[(names.indexOf(node) + 1) % 3] as string));
    await untilLogged("redis-a", "nobody knows whose data is the newest. npx redis-ha elect shows");
    const { code, left } = await wreckage.repair();
    expect(code).toBe(1);
    expect(left.join("\n")).toContain(
      "no node is master: nobody can know whose data is the newest. npx redis-ha elect",
    );
    expect((await evidence()).map(({ role, keys, hasData }) => ({ role, keys: (keys ?? 0) > 0, hasData }))).toEqual(
      names.map(() => ({ role: "replica", keys: true, hasData: true })),
    );
    const chosen = await elect("redis-b", "--yes");
    expect(chosen.code, chosen.all).toBe(0);
    expect(await wreckage.cluster.whole()).toBe("redis-b");
    await wreckage.holds();
  });

  it("starts a node that waits, as its master's address is no node's any more", async () => {
    await startWith(() => ({ address: "127.0.0.1", port: 18999 }));
    for (const node of names) await untilLogged(node, "Should it be gone for good: npx redis-ha elect shows");
    const shown = await evidence();
    expect(shown).toMatchObject(
      names.map((node) => ({ node, answers: false, role: "replica", follows: "127.0.0.1:18999", hasData: true })),
    );
    expect(shown[0]?.error).toContain("redis-server of redis-a does not start");
    expect((await wreckage.repair()).left.join("\n")).toContain("npx redis-ha elect");
    const chosen = await elect("redis-c", "--yes", "--json");
    expect(chosen.code, chosen.all).toBe(0);
    expect(JSON.parse(chosen.stdout)).toMatchObject({ version: 1, elected: "redis-c", left: [] });
    expect(await wreckage.cluster.whole()).toBe("redis-c");
    expect(fs.existsSync(wreckage.folder("redis-c").elected)).toBe(false);
    await wreckage.holds();
  });

  it("stands when the others come back, even if fewer than a majority of Sentinels was there to be told", async () => {
    const chosen = await wreckage.replica();
    const others = names.filter((node) => node !== chosen);
    await wreckage.killAll();
    for (const node of others) await retire(wreckage.folder(node), { everything: true });
    wreckage.startAgent(chosen);
    await waitFor("it answers", () => wreckage.cluster.state(chosen), 10_000);
    expect((await elect()).all).toContain(`First bring ${others.join(" and ")} up`);
    const { code, all } = await elect(chosen, "--yes");
    expect(code).toBe(1);
    expect(all).toContain("fewer than a majority of the 3 Sentinels answer");
    expect((await wreckage.cluster.state(chosen))?.role).toBe("master");
    for (const node of others) await wreckage.checkout.host("apply", "local", node);
    expect(await wreckage.cluster.whole()).toBe(chosen);
    await wreckage.holds();
  });

  it("is refused for a node whose data is gone", async () => {
    await startWith(() => ({ address: "127.0.0.1", port: 18999 }));
    await wreckage.kill("redis-a", "agent");
    fs.rmSync(wreckage.folder("redis-a").redisData, { recursive: true });
    const refused = await elect("redis-a", "--yes");
    expect(refused.code).toBe(1);
    expect(refused.all).toContain("redis-a has no data");
    expect((await elect("redis-b", "--yes")).code).toBe(0);
    expect(await wreckage.cluster.whole()).toBe("redis-b");
    await wreckage.holds();
  });
});
