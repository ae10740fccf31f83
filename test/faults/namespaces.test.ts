import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { processStart, waitFor } from "../../agent/processes.ts";
import { Namespaces, removeLeftovers } from "../../drill/namespaces.ts";
import { NamespacedCluster } from "../../drill/namespaced-cluster.ts";
import { local } from "../../environments/local.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { builtProgram, describeInNamespaces, specsFrom } from "../support/lab.ts";

const links = (): string => execFileSync("ip", ["-brief", "link"], { encoding: "utf8" });
const namespaceNames = (): string => execFileSync("ip", ["netns", "list"], { encoding: "utf8" });

describeInNamespaces("nodes in network namespaces", () => {
  const nodes = ["redis-a", "redis-b", "redis-c"];
  let linksBefore: string;
  let lab: Namespaces;

  /** Whether a datagram that `from` sends arrives at `to`: one direction, unlike a connection. */
  async function arrives(from: string, to: string): Promise<boolean> {
    const receive = `const udp = require("node:dgram").createSocket("udp4");
      udp.once("message", () => process.exit(0)).bind(7000);
      setTimeout(() => process.exit(3), 1200);`;
    const send = `const udp = require("node:dgram").createSocket("udp4");
      const timer = setInterval(() => udp.send("x", 7000, process.argv[1], () => undefined), 50);
      setTimeout(() => { clearInterval(timer); udp.close(); }, 1000);`;
    const [received] = await Promise.all([
      lab.run({ node: to }, process.execPath, ["-e", receive]).then(
        () => true,
        (error: { code?: number }) => {
          if (error.code !== 3) throw error;
          return false;
        },
      ),
      lab.run({ node: from }, process.execPath, ["-e", send, lab.address(to)]),
    ]);
    return received;
  }

  beforeAll(() => {
    linksBefore = links();
    lab = Namespaces.create(nodes);
  });
  afterAll(() => lab?.remove());

  it("reach each other, and the computer's own network has no part in it", async () => {
    expect(await arrives("redis-a", "redis-b")).toBe(true);
    expect(links()).toBe(linksBefore);
    for (const where of ["control", { node: "redis-a" }] as const) {
      expect(await lab.run(where, "ip", ["route", "show", "default"])).toBe("");
    }
  });

  it("one that is isolated reaches itself only, until it is healed", async () => {
    lab.isolate("redis-a");
    expect(await arrives("redis-a", "redis-a")).toBe(true);
    expect(await arrives("redis-a", "redis-b")).toBe(false);
    expect(await arrives("redis-b", "redis-a")).toBe(false);
    expect(await arrives("redis-b", "redis-c")).toBe(true);
    lab.heal("redis-a");
    expect(await arrives("redis-a", "redis-b")).toBe(true);
    expect(await arrives("redis-b", "redis-a")).toBe(true);
  });

  it("a block loses what one sends to another, and nothing else", async () => {
    lab.block("redis-a", "redis-b");
    expect(await arrives("redis-a", "redis-b")).toBe(false);
    expect(await arrives("redis-b", "redis-a")).toBe(true);
    expect(await arrives("redis-a", "redis-c")).toBe(true);
    lab.unblock("redis-a", "redis-b");
    expect(await arrives("redis-a", "redis-b")).toBe(true);
  });

  it("a name that is no node of the lab is refused", () => {
    expect(() => lab.isolate("redis-z")).toThrow("redis-z: not one of the nodes redis-a, redis-b, redis-c");
  });
});

describeInNamespaces("what a lab has made", () => {
  const program = builtProgram();
  const brokenConf = ({ files }: NodeSpec): string => `${files["redis.conf"]}no-such-key 1\n`;

  interface Owner {
    readonly process: ChildProcess;
    /** Of a process inside. */
    readonly pid: number;
    readonly folder: string;
  }

  async function startOwner(): Promise<Owner> {
    const script = path.resolve(import.meta.dirname, "../support/namespace-owner.ts");
    const child = spawn(process.execPath, ["--import", "tsx", script], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => {
      child.kill("SIGTERM");
    });
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    return { process: child, ...(JSON.parse(line) as { pid: number; folder: string }) };
  }

  const endOwner = async ({ process: child }: Owner, signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await once(child, "exit");
  };

  const isLeft = ({ folder, pid }: Owner): boolean[] => [
    namespaceNames().includes(path.basename(folder)),
    fs.existsSync(folder),
    processStart(pid) !== undefined,
  ];

  it("goes when one of the nodes does not start, with the nodes that did", async () => {
    const specs = specsFrom(local).map((spec) =>
      spec.node.name === "redis-c" ? { ...spec, files: { ...spec.files, "redis.conf": brokenConf(spec) } } : spec,
    );
    const error = await NamespacedCluster.start(specs, program()).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error?.message).toContain("no-such-key");
    const [lab = "nothing"] = /rha-[0-9a-f]{6}/.exec(error?.message ?? "") ?? [];
    expect(error?.message).toContain(lab);
    expect(namespaceNames()).not.toContain(lab);
    expect(fs.existsSync(`/tmp/${lab}`)).toBe(false);
    expect(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })).not.toContain(`/tmp/${lab}`);
  });

  it("stays while its owner lives, whoever removes leftovers", async () => {
    const owner = await startOwner();
    removeLeftovers();
    expect(isLeft(owner)).toEqual([true, true, true]);
    await endOwner(owner, "SIGTERM");
  });

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("goes with an owner that is ended by %s", async (signal) => {
    const owner = await startOwner();
    await endOwner(owner, signal);
    expect(isLeft(owner)).toEqual([false, false, false]);
    expect(owner.process.signalCode).toBe(signal);
  });

  it("goes with the next run when its owner was killed", async () => {
    const owner = await startOwner();
    await endOwner(owner, "SIGKILL");
    expect(isLeft(owner)).toEqual([true, true, true]);
    removeLeftovers();
    await waitFor("the process inside is gone", () => (isLeft(owner).some(Boolean) ? undefined : true), 5000);
  });
});
