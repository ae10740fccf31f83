import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { threeNodes } from "../support/checkout.ts";
import { Wreckage } from "../support/wreckage.ts";

/** A disk gives back something else than what was written: the server does not start on its files. */
describe.sequential("damaged data files", () => {
  let wreckage: Wreckage;
  beforeAll(async () => {
    wreckage = await Wreckage.create(threeNodes("local", 17_280));
    for (let count = 0; count < 50; count++) await wreckage.write();
  });
  afterAll(() => wreckage?.remove());

  const folder = (node: string): string => path.join(wreckage.folder(node).redisData, "appendonlydir");
  const damage = (node: string, kind: RegExp): void => {
    const name = fs.readdirSync(folder(node)).find((each) => kind.test(each)) as string;
    const file = path.join(folder(node), name);
    const text = fs.readFileSync(file);
    text.write("garbage garbage", Math.floor(text.length / 2));
    fs.writeFileSync(file, text);
  };
  const kept = (node: string): string[] =>
    fs.readdirSync(wreckage.folder(node).redisData).filter((name) => name.startsWith("crashed-"));

  it.each([
    ["the append-only file", /incr\.aof$/],
    ["the snapshot that it begins with", /base\.rdb$/],
  ])("of a replica, %s: kept for whoever wants to look, and copied from the master", async (_, kind) => {
    const node = await wreckage.replica();
    const before = kept(node);
    await wreckage.kill(node, "agent", "redis");
    damage(node, kind);
    wreckage.startAgent(node);
    await wreckage.holds();
    expect(kept(node).filter((name) => !before.includes(name))).toHaveLength(1);
  });

  it("of a replica whose master is down: it waits, and does not become an empty master", async () => {
    const master = await wreckage.cluster.whole();
    const [node = "", other = ""] = wreckage.cluster.names.filter((name) => name !== master);
    // Into the file, which is empty after a full copy.
    for (let count = 0; count < 20; count++) await wreckage.write();
    await wreckage.killAll();
    damage(node, /incr\.aof$/);
    wreckage.startAgent(node);
    await waitFor(
      "it waits",
      () =>
        fs
          .readFileSync(path.join(wreckage.folder(node).logs, "agent.log"), "utf8")
          .includes("which would send a copy") || undefined,
      20_000,
    );
    expect(fs.existsSync(folder(node))).toBe(true);
    wreckage.startAgent(other);
    wreckage.startAgent(master);
    await wreckage.holds();
  });

  it("of the master: the Sentinels replace it, then the same", async () => {
    const former = await wreckage.cluster.whole();
    for (let count = 0; count < 20; count++) await wreckage.write();
    const before = kept(former);
    await wreckage.kill(former, "agent", "redis");
    damage(former, /incr\.aof$/);
    wreckage.startAgent(former);
    expect(await wreckage.cluster.masterOtherThan(former)).not.toBe(former);
    await wreckage.holds();
    expect(kept(former).filter((name) => !before.includes(name))).toHaveLength(1);
  });
});
