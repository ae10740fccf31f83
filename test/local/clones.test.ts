import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Checkout, createCheckout, threeNodes } from "../support/checkout.ts";
import { Cluster } from "../support/cluster.ts";

/** Two clones on one computer, as two projects of one user or of two users. */
describe.sequential("two clones", () => {
  let first: Checkout;
  let second: Checkout;
  const cluster = new Cluster(threeNodes("local", 18400), () => first);

  beforeAll(async () => {
    [first, second] = await Promise.all([
      createCheckout(threeNodes("local", 18400)),
      createCheckout(threeNodes("local", 18400)),
    ]);
    const { code, all } = await first.start();
    if (code !== 0) throw new Error(all);
  });
  afterAll(() => Promise.all([first?.remove(), second?.remove()]));

  it("with the same ports: the second is told which port, which process and what to change, and starts nothing", async () => {
    const before = first.pid("local", "redis-a", "redis");
    const { code, all } = await second.start();
    expect(code).toBe(1);
    expect(all).toContain("port 18401, meant for redis-server of redis-a, is taken by redis-server");
    expect(all).toContain(`(pid ${before}`);
    expect(all).toContain(`in ${first.folder("local", "redis-a").redisData}`);
    expect(all).toContain("change port of redis-a in environments/local.ts");
    expect(second.pid("local", "redis-a", "agent")).toBeUndefined();
    expect(first.pid("local", "redis-a", "redis")).toBe(before);
    expect((await first.redisHa("verify")).code).toBe(0);
  });

  it("npm stop in one clone ends nothing of the other", async () => {
    const { code, all } = await second.stop();
    expect(code, all).toBe(0);
    expect((await first.redisHa("verify")).code).toBe(0);
    expect(await cluster.master()).toBe("redis-a");
  });

  it("with other ports: both run, each with files of its own", async () => {
    second.describe(threeNodes("local", 18500));
    const { code, all } = await second.start();
    expect(code, all).toBe(0);
    expect((await first.redisHa("verify")).code).toBe(0);
    expect((await second.redisHa("verify")).code).toBe(0);
    expect(fs.existsSync(second.folder("local", "redis-a").runtimeConf)).toBe(true);
    expect(second.folder("local", "redis-a").root).not.toBe(first.folder("local", "redis-a").root);
  });
});
