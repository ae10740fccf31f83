import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import type { Where } from "../../drill/namespaces.ts";
import { local } from "../../environments/local.ts";
import { describeInNamespaces, namespacedCluster } from "../support/lab.ts";

const project = path.resolve(import.meta.dirname, "..", "..");
const taker = path.join(project, "test", "support", "lock-taker.ts");

/** A process in a namespace that takes the lock; see support/lock-taker.ts. */
class Taker {
  private readonly child: ChildProcess;
  private readonly lines: string[] = [];

  constructor(file: string, args: readonly string[]) {
    this.child = spawn(file, args, { cwd: project, stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdout?.on("data", (data: Buffer) => this.lines.push(...data.toString().trim().split("\n")));
  }

  next(timeoutMs = 10_000): Promise<string> {
    return waitFor("a word of the taker", () => this.lines.shift(), timeoutMs);
  }

  stillHolds(): Promise<string> {
    this.child.stdin?.write("?\n");
    return this.next();
  }

  end(): void {
    this.child.kill("SIGKILL");
  }
}

describeInNamespaces("the lock, when its holder is cut off", () => {
  const cluster = namespacedCluster(local);
  const takers: Taker[] = [];

  const take = (where: Where): Taker => {
    const { nodes, masterName, quorum } = cluster().inventory;
    const state = path.join(cluster().namespaces.folder, "state", "cdktf-redis-ha");
    const [checkout = ""] = fs.readdirSync(state).filter((name) => !name.endsWith(".sock"));
    const folder = path.join(state, checkout, cluster().environment, "redis-a");
    const args = ["--import", "tsx", taker, JSON.stringify({ nodes, masterName, quorum }), "0", "", folder];
    const command = cluster().namespaces.command(where, process.execPath, args);
    const started = new Taker(command.file, command.args);
    takers.push(started);
    return started;
  };
  afterEach(() => {
    for (const each of takers.splice(0)) each.end();
  });

  it("stops the holder before its next step, and goes to another within a minute", async () => {
    const holder = take({ node: "redis-c" });
    expect(await holder.next()).toBe("held");
    expect(await holder.stillHolds()).toBe("holds");
    cluster().namespaces.isolate("redis-c");
    const cut = performance.now();
    expect(await holder.stillHolds()).toMatch(/^LockLost: the lock of this cluster is lost: only 1 of 3 Sentinels/);
    const other = take("control");
    expect(await other.next(60_000)).toBe("held");
    console.log(`lock of a holder that is cut off: free after ${Math.round(performance.now() - cut)} ms`);
    cluster().namespaces.heal("redis-c");
    expect(await holder.stillHolds()).toMatch(/^LockLost/);
    expect(await other.stillHolds()).toBe("holds");
    await cluster().whole();
  });
});
