import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { awsInput, linesOf, localInput, nodeOf, sshInput } from "./inputs.ts";

const hosts = (change: Partial<EnvironmentInput>): EnvironmentInput => ({ ...sshInput(), ...change });

const zonesNamed = (...names: [string, string, string]): EnvironmentInput["zones"] =>
  Object.fromEntries(
    names.map((zone, index) => [zone, { nodes: [{ name: `redis-${index}`, address: `10.0.${index}.10` }] }]),
  );

describe("rules between environments", () => {
  it("environments of all targets live side by side", () => {
    expect(linesOf([localInput(), sshInput(), awsInput()])).toEqual([]);
  });

  it("two environments of one name, said once", () => {
    expect(linesOf([localInput(), localInput(), sshInput()])).toEqual([
      "environments/base.ts: name: environments/index.ts lists two environments named base; rename one, or remove it",
    ]);
  });

  it("two environments with one Sentinel master name", () => {
    expect(linesOf([hosts({ project: "shop", name: "eu-prod" }), hosts({ project: "shop-eu", name: "prod" })])).toEqual(
      [
        "environments/prod.ts: project: its Sentinel master name shop-eu-prod is also that of environments/eu-prod.ts, and two clusters with one name merge when they meet; change project or name",
      ],
    );
  });

  it("two nodes on AWS whose roles have one name", () => {
    const one = { ...awsInput(), name: "prod-x" };
    const other = awsInput();
    nodeOf(one, "a").name = "a";
    nodeOf(other, "b").name = "x-a";
    expect(linesOf([one, other])).toEqual([
      "environments/prod.ts: zones.b.nodes[0].name: its role redis-ha-prod-x-a has the name of that of environments/prod-x.ts (zones.a.nodes[0].name); rename one",
    ]);
  });

  it("two zones whose stacks have one name", () => {
    expect(
      linesOf([
        hosts({ name: "shop", zones: zonesNamed("a", "b", "eu-zone-c") }),
        hosts({ name: "shop-zone-eu", zones: zonesNamed("a", "b", "c") }),
      ]),
    ).toEqual([
      "environments/shop-zone-eu.ts: zones.c: its stack shop-zone-eu-zone-c has the name of a stack of environments/shop.ts (zones.eu-zone-c); rename one",
    ]);
  });

  it("two local environments on one port, of whichever server", () => {
    const other = { ...localInput(), name: "other" };
    for (const [index, zone] of ["a", "b", "c"].entries()) {
      Object.assign(nodeOf(other, zone), { port: 6601 + index, sentinelPort: 26601 + index });
    }
    expect(linesOf([localInput(), other])).toEqual([]);
    Object.assign(nodeOf(other, "a"), { address: "127.0.0.2", port: 26501 });
    expect(linesOf([localInput(), other])).toEqual([]);
    nodeOf(other, "b").port = 26503;
    nodeOf(other, "c").sentinelPort = 26501;
    expect(linesOf([localInput(), other])).toEqual([
      "environments/other.ts: zones.b.nodes[0].port: 26503 is taken by redis-c of environments/base.ts (zones.c.nodes[0].sentinelPort), and both run on this computer; use another port",
      "environments/other.ts: zones.c.nodes[0].sentinelPort: 26501 is taken by redis-a of environments/base.ts (zones.a.nodes[0].sentinelPort), and both run on this computer; use another port",
    ]);
  });

  it("environments on hosts may use the same ports and, in networks of their own, the same addresses", () => {
    expect(linesOf([sshInput(), hosts({ name: "other" }), awsInput(), { ...awsInput(), name: "test" }])).toEqual([]);
  });
});
