import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { waitFor } from "../../../agent/processes.ts";
import { ip } from "../../../drill/netns.ts";
import { unitNames } from "../../../topology/host-places.ts";
import { Chaos, expectConfirmedKept, expectNothingLost } from "../../support/chaos.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";

const UNITS = unitNames("hosts");

/** A host gets another address, as from DHCP; then the operator writes it into the description and applies that. */
describeWithHosts("8: an address", { timeout: 240_000 }, () => {
  let chaos: Chaos;
  beforeAll(async () => {
    chaos = await Chaos.up("chaos-address");
  }, 240_000);
  afterAll(() => chaos?.down());

  it.each([
    ["replica", "runs on", 101],
    ["master", "runs on", 102],
    ["master", "reboots", 103],
  ] as const)(
    "of the host of the %s changes, and it %s: after an apply it is one of them again",
    async (whose, host, number) => {
      const scenario = `the host of the ${whose} gets another address, and ${host}`;
      const outcome = await chaos.under(scenario, async (master, written) => {
        const node = whose === "master" ? master : (await chaos.replicas())[0];
        const from = chaos.endpoint(node).address;
        const to = from.replace(/\d+$/, String(number));
        if (host === "reboots") await chaos.host(node).powerLoss();
        readdress(chaos, node, from, to);
        if (host === "reboots") await chaos.host(node).boot();
        if (whose === "master") {
          await chaos.masterOtherThan(master);
          await tellsWhy(chaos, node, from);
        }
        await written();
        await describeAs(chaos, node, from, to);
        if (whose === "replica") await killInstall(chaos, node, to);
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

/** The host's network has another address from now on; whatever is bound to the old one is reached by nobody any more. */
function readdress(chaos: Chaos, node: string, from: string, to: string): void {
  for (const change of [`del ${from}/24`, `add ${to}/24`]) {
    ip(["-n", chaos.namespace(node), "address", ...change.split(" "), "dev", "host0"]);
  }
}

/** What the operator finds in the host's journal: a former master is ended once it is replaced, and cannot start again. */
async function tellsWhy(chaos: Chaos, node: string, from: string): Promise<void> {
  const told = async (): Promise<boolean> =>
    (await chaos.host(node).run(["journalctl", "-u", UNITS.redis])).includes(
      `${from} is not an address of its host now`,
    );
  await waitFor("the journal says what is wrong", async () => (await told()) || undefined, 60_000, 500);
}

/** The install is killed on the host while it ends what still runs there. */
async function killInstall(chaos: Chaos, node: string, to: string): Promise<void> {
  const host = chaos.host(node);
  const killed = chaos.cluster.step("install", node, {}, at(node, to));
  const stops = async (): Promise<true | undefined> =>
    (await host.run(["systemctl", "show", "--property=ActiveState", "--value", UNITS.redis])) !== "active" || undefined;
  await waitFor("the install ends redis-server", stops, 60_000);
  await host.run(["sh", "-c", "kill -9 $(pgrep -f '[h]ost install --here')"]);
  const { code, all } = await killed;
  expect(code, all).not.toBe(0);
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

const at = (node: string, address: string): Record<string, string> => ({
  REDIS_HA_NODE: JSON.stringify({ environment: "hosts", node, address }),
});

/** Zone by zone, as Terraform does it: what has another address is retired where it was, and joins where it is. */
async function apply(chaos: Chaos, moved: string, from: string, to: string): Promise<void> {
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
