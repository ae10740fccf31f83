import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ip } from "../../../drill/netns.ts";
import { Chaos, expectConfirmedKept, expectNothingLost } from "../../support/chaos.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";

/** A host comes back with another address, as from DHCP; then the operator writes it into the description and applies that. */
describeWithHosts("8: an address", { timeout: 240_000 }, () => {
  let chaos: Chaos;
  beforeAll(async () => {
    chaos = await Chaos.up("chaos-address");
  }, 240_000);
  afterAll(() => chaos?.down());

  it.each(["replica", "master"])(
    "of the host of the %s changes: after an apply it is one of them again",
    async (whose) => {
      const outcome = await chaos.under(`the host of the ${whose} gets another address`, async (master, written) => {
        const node = whose === "master" ? master : (await chaos.replicas())[0];
        const from = chaos.endpoint(node).address;
        const to = from.replace(/\d+$/, (last) => String(Number(last) + 100));
        await readdress(chaos, node, from, to);
        if (whose === "master") await chaos.masterOtherThan(master);
        await written();
        await describeAs(chaos, node, from, to);
        await apply(chaos, node, from, to);
        expect(chaos.endpoint(node).address).toBe(to);
      });
      if (whose === "replica") expectNothingLost(outcome);
      else expectConfirmedKept(outcome);
      expect(outcome.after === outcome.before).toBe(whose === "replica");
      // Nobody remembers the old one.
      const view = await chaos.view();
      const known = view.nodes.map(({ sentinel }) => sentinel?.state?.replicas.map(({ address }) => address).sort());
      const replicas = chaos.names.filter((name) => name !== outcome.after).map((name) => chaos.endpoint(name).address);
      expect(known).toEqual(chaos.names.map(() => replicas.sort()));
    },
  );
});

/** The host reboots, and its network gives it another address. */
async function readdress(chaos: Chaos, node: string, from: string, to: string): Promise<void> {
  await chaos.host(node).powerLoss();
  for (const change of [`del ${from}/24`, `add ${to}/24`]) {
    ip(["-n", chaos.namespace(node), "address", ...change.split(" "), "dev", "host0"]);
  }
  await chaos.host(node).boot();
}

/** In the description, and in the file of the hosts' keys, as `ssh-keyscan` would add it. */
async function describeAs(chaos: Chaos, node: string, from: string, to: string): Promise<void> {
  const { checkout, lab } = chaos.cluster;
  const edit = (file: string, before: string, after: string): void => {
    const text = fs.readFileSync(file, "utf8");
    expect(text).toContain(before);
    fs.writeFileSync(file, text.replace(before, after));
  };
  edit(path.join(checkout.root, "environments", "hosts.ts"), `"${from}"`, `"${to}"`);
  edit(path.join(lab.record.folder, "known_hosts"), `${node},${from} `, `${node},${to} `);
  const { code, all } = await checkout.synth();
  expect(code, all).toBe(0);
}

/** Zone by zone, as Terraform does it: what has another address is retired where it was, and joins where it is. */
async function apply(chaos: Chaos, moved: string, from: string, to: string): Promise<void> {
  const at = (node: string, address: string): Record<string, string> => ({
    REDIS_HA_NODE: JSON.stringify({ environment: "hosts", node, address }),
  });
  for (const node of chaos.names) {
    const steps =
      node === moved
        ? [
            ["retire", from],
            ["install", to],
            ["apply", to],
          ]
        : [["apply", chaos.endpoint(node).address]];
    for (const [verb = "", address = ""] of steps) {
      const { code, all } = await chaos.cluster.step(verb, node, {}, at(node, address));
      expect(code, `${verb} ${node}: ${all}`).toBe(0);
    }
  }
  // As every apply of an environment ends: whoever was down meanwhile forgets the old address by it.
  const { code, all } = await chaos.cluster.redisHa("converge");
  expect(code, all).toBe(0);
}
