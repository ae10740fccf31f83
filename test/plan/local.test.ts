import { beforeEach, describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { anEnvironment, threeZones } from "../support/environment.ts";
import { PlannedProject } from "../support/planned-project.ts";

const withSettings = (settings: EnvironmentInput["settings"]) =>
  anEnvironment({ settings: { maxMemoryMb: 100, ...settings } });
const withZones = (zones: EnvironmentInput["zones"]) => anEnvironment({ zones: { ...threeZones, ...zones } });
const nodeD = { name: "redis-d", runs: ["redis" as const], port: 6904 };

describe("what a plan of Terraform does to a node", { timeout: 120_000 }, () => {
  let project: PlannedProject;
  beforeEach(async () => {
    project = await PlannedProject.create();
  });

  it("nothing, when nothing was changed", async () => {
    await project.apply(anEnvironment());
    const { effects, nodes } = await project.after(anEnvironment());
    expect(effects).toEqual([]);
    expect(nodes).toEqual([{ name: "redis-a", zone: "a", effects: [], reasons: [], settings: [], machine: null }]);
  });

  it("a node that was never applied joins", async () => {
    const { nodes } = await project.after(anEnvironment());
    expect(nodes).toMatchObject([{ name: "redis-a", effects: ["add"], settings: [] }]);
  });

  it("a setting that the server takes changes live, with its values", async () => {
    await project.apply(anEnvironment());
    const { nodes } = await project.after(withSettings({ maxMemoryMb: 200, downAfterMs: 3000 }));
    expect(nodes).toMatchObject([
      {
        effects: ["live"],
        reasons: [
          "redis.conf: maxmemory 104857600 -> 209715200",
          expect.stringMatching(/^sentinel\.conf: down-after-milliseconds \d+ -> 3000$/),
        ],
        settings: [{ key: "maxmemory", effect: "live" }, { key: "down-after-milliseconds" }],
      },
    ]);
  });

  it("one that it takes at its start only restarts it; a key that is left out, too", async () => {
    await project.apply(withSettings({ redisConf: { "hash-max-listpack-entries": "200" } }));
    const restarted = await project.after(
      withSettings({ redisConf: { "hash-max-listpack-entries": "200", databases: "32" } }),
    );
    expect(restarted.nodes).toMatchObject([
      { effects: ["live", "restart"], reasons: ["redis.conf: databases 16 -> 32"] },
    ]);
    const dropped = await project.after(withSettings({}));
    expect(dropped.nodes).toMatchObject([
      { effects: ["live", "restart"], reasons: ["redis.conf: hash-max-listpack-entries dropped"] },
    ]);
  });

  it("a peer that comes changes nothing that runs; one that moves has its Sentinel restarted, to forget the old place", async () => {
    await project.apply(anEnvironment());
    expect((await project.after(withZones({ d: { nodes: [nodeD] } }))).nodes).toMatchObject([
      { effects: ["live"], reasons: ["peer redis-d 127.0.0.1:6904, which is new"] },
    ]);
    const moved = withZones({ c: { nodes: [{ name: "redis-c", port: 6913, sentinelPort: 26903 }] } });
    expect((await project.after(moved)).nodes).toMatchObject([
      { effects: ["live", "sentinel"], reasons: ["peer redis-c 127.0.0.1:6903:26903 -> 127.0.0.1:6913:26903"] },
    ]);
  });

  it("a node that moves leaves and joins again", async () => {
    await project.apply(anEnvironment());
    const moved = withZones({ a: { nodes: [{ name: "redis-a", port: 6911, sentinelPort: 26901 }] } });
    expect((await project.after(moved)).nodes).toMatchObject([
      { effects: ["replace"], reasons: ["redis_port 6901 -> 6911"], machine: null },
    ]);
  });

  it("a node that is not described any more, or destroyed, leaves for good", async () => {
    await project.apply(withZones({ d: { nodes: [nodeD] } }), "d");
    const emptied = await project.after(withZones({ d: { nodes: [] } }), "d");
    expect(emptied.nodes).toMatchObject([{ name: "redis-d", zone: "d", effects: ["retire"] }]);
    const destroyed = await project.after(withZones({ d: { nodes: [nodeD] } }), "d", "-destroy");
    expect(destroyed.nodes).toMatchObject([{ name: "redis-d", effects: ["retire"] }]);
  });

  it("what a failed apply has left is not known, and counts as a restart", async () => {
    await project.apply(anEnvironment());
    await project.project.run("demo-zone-a", "taint", 'terraform_data.configuration["redis-a"]');
    expect((await project.after(anEnvironment())).nodes).toMatchObject([
      { effects: ["live", "restart"], reasons: ["the last apply of it failed; what is left of that is done"] },
    ]);
    await project.project.run("demo-zone-a", "taint", 'terraform_data.membership["redis-a"]');
    expect((await project.after(anEnvironment())).nodes).toMatchObject([
      { effects: ["replace"], reasons: ["it was not installed to the end the last time"] },
    ]);
  });
});
