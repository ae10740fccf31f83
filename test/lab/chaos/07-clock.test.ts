import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { writeAtomically } from "../../../agent/node-folder.ts";
import { waitFor } from "../../../agent/processes.ts";
import { Chaos, expectNothingLost } from "../../support/chaos.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";

/** Three times down-after: long enough for any failover that would come. */
const AFTERWARDS_MS = 6000;
/** A Sentinel that did not run for 2 s takes its clock for wrong, and judges nobody for 30 s (TILT). */
const PAUSED_MS = 3000;
const NOTICED_MS = 30_000;

/**
 * The clock of one host jumps, as when its time service sets it: for the agent there, by libfaketime, and never for this
 * computer. With libfaketime Debian's redis-server does not start: it waits in its allocator for itself. What a jump makes
 * of Sentinel, TILT, is made here by a pause.
 */
describeWithHosts("7: the clock", { timeout: 240_000 }, () => {
  let chaos: Chaos;
  let node = "";
  beforeAll(async () => {
    chaos = await Chaos.up("chaos-clock");
    node = await chaos.master();
    await giveAgentOwnClock(chaos, node);
    await chaos.cluster.holds();
  }, 240_000);
  afterAll(() => chaos?.down());

  it.each([
    ["10 s forward", 10],
    ["an hour forward", 3610],
    ["an hour back", 10],
  ])("of the agent of the master jumps %s: nobody is replaced", async (jump, seconds) => {
    // It writes down the time at which it saw the server in step.
    const ahead = (): number => (Number(fs.readFileSync(chaos.file(node, "in-step"), "utf8")) - Date.now()) / 1000;
    const outcome = await chaos.under(`the clock of the master's agent jumps ${jump}`, async (master, written) => {
      expect(master).toBe(node);
      setClock(chaos, node, seconds);
      await waitFor("the agent has this clock", () => Math.abs(ahead() - seconds) < 5 || undefined, NOTICED_MS);
      await delay(AFTERWARDS_MS);
      await written();
    });
    expectNothingLost(outcome);
    expect(outcome.after).toBe(node);
  });

  it("of all Sentinels jumps: each enters TILT, and nobody is replaced", async () => {
    const tilts = (): number[] =>
      chaos.names.map((each) => fs.readFileSync(chaos.file(each, "log", "sentinel.log"), "utf8").split("+tilt").length);
    const outcome = await chaos.under("all Sentinels stand still for 3 s, and enter TILT", async () => {
      const before = tilts();
      const all = (signal: "STOP" | "CONT"): Promise<unknown> =>
        Promise.all(chaos.names.map((each) => chaos.signal(signal, each, "sentinel")));
      onTestFinished(() => all("CONT").then(() => undefined));
      await all("STOP");
      await delay(PAUSED_MS);
      await all("CONT");
      const each = (): boolean => tilts().every((number, index) => number > (before[index] ?? 0));
      await waitFor("each Sentinel enters TILT", () => each() || undefined, NOTICED_MS);
      await delay(AFTERWARDS_MS);
    });
    expectNothingLost(outcome);
    expect(outcome.after).toBe(outcome.before);
  });
});

const CLOCK = "clock";

/**
 * In one step: libfaketime, which finds an empty file, ends its process, and on the way out that one waits for itself.
 * @param seconds by how many the clock of the agent there is ahead of this computer's
 */
const setClock = (chaos: Chaos, node: string, seconds: number): void =>
  writeAtomically(chaos.file(node, CLOCK), `+${seconds}`, 0o644);

/** Has a node's agent read its clock by libfaketime, which looks into a file each time. */
async function giveAgentOwnClock(chaos: Chaos, node: string): Promise<void> {
  setClock(chaos, node, 0);
  const folder = "/etc/systemd/system/redis-ha-hosts-agent.service.d";
  const script = `
    set -e
    mkdir ${folder}
    cat >${folder}/clock.conf <<END
[Service]
Environment=LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketimeMT.so.1)
Environment=FAKETIME_TIMESTAMP_FILE=/var/lib/redis-ha/hosts/${node}/${CLOCK}
Environment=FAKETIME_NO_CACHE=1
Environment=FAKETIME_DONT_FAKE_MONOTONIC=1
END
    systemctl daemon-reload`;
  await chaos.host(node).run(["sh", "-c", script]);
  await chaos.systemctl(node, "restart", "agent");
}
