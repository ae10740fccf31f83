import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { waitFor } from "../../../agent/processes.ts";
import { Chaos, expectConfirmedKept, expectNothingLost } from "../../support/chaos.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";
import { MemoryLimit } from "../../support/memory-limit.ts";

const endless = "while true do end";

/** What happens to the master's process, or to all of its host, while its network works. */
describeWithHosts("2: the master's process", { timeout: 240_000 }, () => {
  let chaos: Chaos;
  beforeAll(async () => {
    chaos = await Chaos.up("chaos-process");
  }, 240_000);
  afterAll(() => chaos?.down());

  /** What the agent of a node writes into its log from now on. */
  const logFrom = (node: string): (() => string) => {
    const { length } = chaos.agentLog(node);
    return () => chaos.agentLog(node).slice(length);
  };
  const redisCli = (node: string, ...args: string[]): Promise<string> =>
    chaos.host(node).run([...chaos.cluster.redisCli(node), ...args]);

  it("kill -9: its agent decides, and nothing is lost", async () => {
    let log = (): string => "";
    const outcome = await chaos.under("kill -9 of the master", async (master) => {
      log = logFrom(master);
      await chaos.signal("KILL", master, "redis");
    });
    expectNothingLost(outcome);
    expect(log()).toMatch(/crashed as master; decision: (promote|restart in place)/);
    console.log(
      log()
        .match(/decision: [^\n]*/g)
        ?.join("\n"),
    );
  });

  it("kill -9, and its agent too: systemd starts both", async () => {
    const outcome = await chaos.under("kill -9 of master and agent", (master) =>
      chaos.signal("KILL", master, "agent", "redis"),
    );
    expectNothingLost(outcome);
  });

  it("no memory is left: the kernel ends it, and nothing is lost", async () => {
    const outcome = await chaos.under("the kernel ends the master for lack of memory", async (master) => {
      const record = JSON.parse(fs.readFileSync(chaos.file(master, "run", "redis.json"), "utf8")) as { pid: number };
      const limit = MemoryLimit.set("chaos-process-memory", computersPid(chaos, master, record.pid), 16e6);
      try {
        const big = `head -c 1000000 /dev/zero | ${chaos.cluster.redisCli(master).join(" ")} -x set big:$i`;
        await chaos.host(master).run(["sh", "-c", `for i in $(seq 40); do ${big} || break; done`]);
        await waitFor("the kernel ends it", () => limit.killed > 0 || undefined, 10_000);
      } finally {
        await limit.remove();
      }
    });
    expectNothingLost(outcome);
  });

  it("SIGSTOP for good: another node is master, then the hung one is killed", async () => {
    let log = (): string => "";
    const outcome = await chaos.under("SIGSTOP of the master", async (master) => {
      log = logFrom(master);
      await chaos.signal("STOP", master, "redis");
      await chaos.masterOtherThan(master);
    });
    expectConfirmedKept(outcome);
    expect(outcome.after).not.toBe(outcome.before);
    expect(log()).toContain("is master: killed, so that its clients come free");
  });

  it.each([2, 8])("its whole host stands still for %i s and goes on", async (seconds) => {
    const outcome = await chaos.under(`the master's host stands still for ${seconds} s`, async (master) => {
      const host = chaos.host(master);
      onTestFinished(() => host.thaw());
      await host.freeze();
      await delay(seconds * 1000);
      await host.thaw();
    });
    expectConfirmedKept(outcome);
    // What was on its way when it stood still; see docs/handover.md.
    expect(outcome.plain.lost).toBeLessThanOrEqual(1);
  });

  it("a script without end: its agent kills it", async () => {
    let said = "";
    const outcome = await chaos.under("a script without end", async (master) => {
      said = await redisCli(master, "eval", endless, "0");
    });
    expectNothingLost(outcome);
    expect(said).toContain("Script killed by user with SCRIPT KILL");
  });

  it("a script without end that has written: ended with its server", async () => {
    const outcome = await chaos.under("a script without end that has written", async (master) => {
      await redisCli(master, "eval", `redis.call('SET', 'of-the-script', '1') ${endless}`, "0").catch(() => undefined);
      await chaos.masterOtherThan(master);
    });
    expectNothingLost(outcome);
    expect(await redisCli(outcome.after, "exists", "of-the-script")).toBe("0");
  });
});

/** The computer's pid of a process that has another one on its host. */
function computersPid(chaos: Chaos, node: string, pid: number): number {
  const found = chaos
    .host(node)
    .pids()
    .find((each) => new RegExp(`^NSpid:.*\\t${pid}$`, "m").test(fs.readFileSync(`/proc/${each}/status`, "utf8")));
  if (found === undefined) throw new Error(`${node}: pid ${pid} does not run`);
  return found;
}
