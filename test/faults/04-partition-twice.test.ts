import { directLoginOf } from "../../cli/client-options.ts";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { type ProcessRecord, readRecord, waitFor } from "../../agent/processes.ts";
import { actingIn } from "../../drill/fault.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { local } from "../../environments/local.ts";
import { describeInNamespaces, namespacedCluster } from "../support/lab.ts";

/** Two at most are ever master: who was master before becomes it again. */
const twoPromotable: EnvironmentInput = {
  ...local,
  zones: { ...local.zones, c: { nodes: [{ name: "redis-c", port: 6403, sentinelPort: 26403, promotable: false }] } },
};
/** A Sentinel turns a former master round 8 to 11 s after it is back. */
const TURNED_ROUND_MS = 20_000;
/** Between the return of the old master and the cut of the new one: the Sentinels ask each second. */
const PAUSE_MS = 2000;
/** So long a Sentinel waits before it makes a master that it does not know of a replica, and more. */
const CUT_MS = 15_000;

describeInNamespaces("a master is back as replica, and its successor is cut off a moment later", () => {
  const cluster = namespacedCluster(twoPromotable);
  afterEach(() => {
    for (const { name } of cluster().inventory.nodes) cluster().namespaces.heal(name);
  });

  /** What the Sentinel of one node holds another one for. */
  async function roleSeen(by: string, of: string): Promise<string | undefined> {
    const { namespaces, inventory } = cluster();
    const port = inventory.nodes.find(({ name }) => name === by)?.sentinelPort;
    const where = [
      "-h",
      namespaces.address(by),
      "-p",
      String(port),
      "--user",
      "sentinel-client",
      "--tls",
      "--insecure",
    ];
    const reply = await namespaces.run(
      "control",
      "redis-cli",
      [...where, "SENTINEL", "REPLICAS", inventory.masterName],
      { env: { REDISCLI_AUTH: cluster().logins.passwords["sentinel-client"] } },
    );
    const words = reply.split("\n");
    const start = words.findIndex((word, index) => word === namespaces.address(of) && words[index - 1] === "ip");
    return words[words.indexOf("role-reported", start) + 1];
  }

  function agentOf(node: string): number {
    const state = path.join(cluster().namespaces.folder, "state");
    const file = fs
      .readdirSync(state, { recursive: true, encoding: "utf8" })
      .find((each) => each.endsWith(path.join(node, "run", "agent.json")));
    const record = readRecord<ProcessRecord>(path.join(state, file ?? ""));
    if (!record) throw new Error(`${node} has no agent`);
    return record.pid;
  }

  const masterOtherThan = (former: string): Promise<string> =>
    waitFor(
      `a master other than ${former}`,
      async () => {
        const name = actingIn(await cluster().view())?.name;
        return name === former ? undefined : name;
      },
      30_000,
      50,
    );

  // The Sentinel beside the cut-off master has seen the old one as master. Would it still hold it for that when it is
  // back, it would make it a replica at once, although it is master again: what it has confirmed meanwhile would be lost.
  it("the old one is master again, and stays it when the other one is back", async () => {
    const { namespaces } = cluster();
    const first = await cluster().whole();
    namespaces.isolate(first);
    const second = await masterOtherThan(first);
    // Its agent would turn it round before every Sentinel has seen it.
    process.kill(agentOf(first), "SIGSTOP");
    namespaces.heal(first);
    await waitFor(
      `the Sentinel of ${second} has seen ${first} as master`,
      async () => ((await roleSeen(second, first)) === "master" ? true : undefined),
      TURNED_ROUND_MS,
      20,
    );
    await waitFor(
      `${first} is a replica`,
      async () => {
        const { nodes } = await cluster().view();
        const state = nodes.find(({ node }) => node.name === first)?.redis?.state;
        return state?.role === "replica" && state.link === "up" ? true : undefined;
      },
      TURNED_ROUND_MS,
      20,
    );
    process.kill(agentOf(first), "SIGCONT");
    await delay(PAUSE_MS);

    namespaces.isolate(second);
    expect(await masterOtherThan(second)).toBe(first);
    const client = cluster().inside("control");
    const { address: host, port } = cluster().endpoint(first);
    await client.ask("startWriter", {
      name: "confirmed",
      waitReplicas: 1,
      connection: { host, port, ...directLoginOf("master", cluster().logins) },
    });
    await delay(CUT_MS);
    expect(await client.ask("acknowledged", "confirmed")).toBeGreaterThan(0);
    namespaces.heal(second);
    expect(await cluster().whole()).toBe(first);
    const { acks, lost } = await client.ask("finishWriter", "confirmed", cluster().endpoint(first));
    expect(acks.length).toBeGreaterThan(0);
    expect(lost).toEqual([]);
  });
});
