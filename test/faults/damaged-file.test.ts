import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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

  it("of the master: the Sentinels replace it, then the same", async () => {
    const former = await wreckage.cluster.whole();
    const before = kept(former);
    await wreckage.kill(former, "agent", "redis");
    damage(former, /incr\.aof$/);
    wreckage.startAgent(former);
    expect(await wreckage.cluster.masterOtherThan(former)).not.toBe(former);
    await wreckage.holds();
    expect(kept(former).filter((name) => !before.includes(name))).toHaveLength(1);
  });
});
