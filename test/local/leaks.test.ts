import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Checkout, createCheckout, threeNodes } from "../support/checkout.ts";
import { openFiles, secretFilesOf, withCores } from "../support/leaks.ts";
import { itIsLived, WholeLife } from "../support/whole-life.ts";

const nodes = ["redis-a", "redis-b", "redis-c"];

/** From the first apply to the last: what is secret is where it belongs, and nowhere else. The steps build on each other. */
describe.sequential("the life of a cluster on this computer", { retry: 0 }, () => {
  let checkout: Checkout;
  let life: WholeLife;
  /** A password that was replaced. */
  let former: string;
  const allowed = (): string[] => nodes.flatMap((node) => secretFilesOf(checkout.folder("local", node)));
  beforeAll(async () => {
    const environment = threeNodes("local", 18140);
    checkout = await createCheckout(environment);
    const store = checkout.store("local");
    life = new WholeLife({ checkout, environment, store, env: {}, nearby: (...args) => checkout.redisHa(...args) });
    former = life.secrets.value("users/app");
  });
  afterAll(async () => {
    life?.watch.stop();
    await checkout?.remove();
  });

  itIsLived(() => life);

  it("has leaked no secret while it ran, and could not by a core", async () => {
    const processes = ["redis", "sentinel", "agent"] as const;
    const pids = nodes.flatMap((node) => processes.map((name) => checkout.pid("local", node, name) ?? 0));
    expect([...withCores(pids), ...openFiles(allowed()), ...(await life.leaks(allowed()))]).toEqual([]);
  });

  it("has leaked none when it has ended", async () => {
    await life.destroy();
    expect(await life.leaks(allowed())).toEqual([]);
    expect(life.watch.programs).toEqual(expect.arrayContaining(["terraform", "redis-server", "redis-cli"]));
  });

  it("leaks would be found: in a file, plan, state, log, report, history, argument or environment, and as a file that others may read", async () => {
    const { secrets, home, stack } = life;
    const { logs, runtimeConf } = checkout.folder("local", "redis-a");
    const base64 = Buffer.from(`user reader ${secrets.value("users/reader")} on`).toString("base64");
    const hash = createHash("sha256").update(secrets.value("users/admin")).digest("hex");
    const planted: [file: string, text: string, found: string][] = [
      [path.join(checkout.root, "README.md"), secrets.value("users/sentinel"), "users/sentinel"],
      [path.join(checkout.root, ".state", "planted.tfstate"), `{"hash": "${hash}"}`, "hash of users/admin"],
      [path.join(stack, "planted.tf.json"), inPlan(secrets.value("users/monitor")), "users/monitor"],
      [path.join(logs, "redis.log"), secrets.value("tls/ca.key"), "tls/ca.key"],
      [path.join(home, "report.json"), `{"login": "${base64}"}`, "users/reader"],
      [path.join(home, "user", ".rediscli_history"), former.slice(0, 24), "the beginning of a password"],
    ];
    for (const [file, text] of planted) fs.appendFileSync(file, text);
    await life.showPlan();
    await Promise.all([
      execa("sh", ["-c", "sleep 3; :", secrets.value("users/replica")]),
      execa("sleep", ["3"], { env: { PLANTED: secrets.value("users/sentinel-peer") } }),
    ]);
    fs.chmodSync(runtimeConf, 0o640);

    expect(openFiles(allowed())).toEqual([`${runtimeConf}: 640, of user ${process.getuid?.()}`]);
    expect((await life.leaks(allowed())).sort()).toEqual(
      [
        ...planted.map(([file, , found]) => `${file}: ${found}`),
        "output of terraform plan: users/monitor",
        "output of terraform show of the plan: users/monitor",
        "arguments of sh: users/replica",
        "environment of sleep: users/sentinel-peer",
      ].sort(),
    );
  });
});

const inPlan = (value: string): string => JSON.stringify({ output: { planted: { value } } });
