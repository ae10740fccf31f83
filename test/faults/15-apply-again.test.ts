import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";

const base = 17860;
const environment = (slowlog: number) =>
  threeNodes("local", base, { redisConf: { "slowlog-max-len": String(slowlog) } });

/** Sentinel chooses another master, and the same description is applied again, by both drivers. */
describe.sequential("15: applying again after a failover", () => {
  let cluster: AppliedCluster;
  let master: string;

  const pids = (): number[] =>
    cluster.cluster.names.flatMap((node) => [cluster.pid(node, "redis"), cluster.pid(node, "sentinel")]);
  const apply = async (driver: "cdktf" | "terragrunt"): Promise<string> => {
    const run = ["run-all", "apply", "--non-interactive", "-auto-approve"];
    const { checkout } = cluster;
    const { code, all } = await (driver === "cdktf" ? checkout.start() : checkout.terragrunt("local", ...run));
    expect(code, all.slice(-3000)).toBe(0);
    return all;
  };

  beforeAll(async () => {
    cluster = await AppliedCluster.start(environment(300), "terraform");
    const former = await cluster.master();
    const load = await cluster.underLoad(async () => {
      cluster.kill(former, "agent", "redis");
      master = await cluster.cluster.masterOtherThan(former);
      // The one that died is brought back; the others, and who is master, stay as they are.
      await apply("cdktf");
    });
    expectNothingLost(load);
    expect(await cluster.master()).toBe(master);
  });
  afterAll(() => cluster?.remove());

  it.each(["cdktf", "terragrunt"] as const)("by %s touches nothing", async (driver) => {
    const before = pids();
    let said = "";
    const load = await cluster.underLoad(async () => {
      said = await apply(driver);
    });
    expectNothingLost(load);
    if (driver === "cdktf") expect(said).toContain("Nothing to change: the cluster is as described.");
    expect(pids()).toEqual(before);
    expect(await cluster.master()).toBe(master);
    await cluster.verified();
  });

  it("with a changed setting changes that, on every node, and nobody's role", async () => {
    const before = pids();
    cluster.checkout.describe(environment(301));
    const load = await cluster.underLoad(() => apply("cdktf"));
    expectNothingLost(load);
    for (const node of cluster.cluster.names) expect(await cluster.configValue(node, "slowlog-max-len")).toBe("301");
    expect(pids()).toEqual(before);
    expect(await cluster.master()).toBe(master);
    await cluster.verified();
  });
});
