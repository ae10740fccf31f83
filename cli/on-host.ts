import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { Command } from "commander";
import { speakAsAny } from "../agent/secrets.ts";
import { parseConfigFile } from "../topology/config-file.ts";
import { HOST_PROGRAM, HOST_SPECS, HOST_STATE } from "../topology/host-places.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { allNodes, type NodeSpec, parseNodeSpec } from "../topology/node-spec.ts";
import { type Choice, type CommonOptions, knownNodes } from "./choice.ts";
import { exitCodes } from "./command.ts";
import { chooseEnvironment, UsageError } from "./environment-choice.ts";
import { progress } from "./output.ts";
import { runProgram, seconds } from "./program.ts";

/** `redis-ha`, typed on a host: there is no checkout and no store, but the files of the host's own node. */

const ELSEWHERE = "Whatever begins with npx is run where the checkout is.";

/** What can be done from any one host: it reaches the servers of all others, and has a share of the secrets. */
export function runOnHost(argv: string[]): Promise<number> {
  return runProgram(argv, (done) => {
    const program = new Command("redis-ha")
      .description(`Looks at the highly available Redis that this host belongs to. ${ELSEWHERE}`)
      .exitOverride()
      .showHelpAfterError(`(sudo redis-ha --help shows what can be done on a host; ${ELSEWHERE})`)
      .addHelpText("after", exitCodes);
    const command = (name: string, description: string): Command =>
      program
        .command(name)
        .description(description)
        .option("--env <name>", "the environment (default: the only one on this host)");
    const json = "print one JSON document";

    command("status", "Show every node: role, offset, lag, and whom its Sentinel names")
      .option("--json", json)
      .action(async (options: CommonOptions) => {
        const { chosen } = chooseOnHost(options);
        const { status } = await import("./status.ts");
        done(await status(chosen, { json: options.json === true }));
        if (!options.json) progress(ELSEWHERE);
      });
    command(
      "verify",
      "Cross-check every server and Sentinel; of agents, files and certificates only those of this host",
    )
      .option("--json", json)
      .option("--wait <seconds>", "keep looking until everything holds, at most this long", seconds, 0)
      .action(async (options: CommonOptions & { wait: number }) => {
        const { chosen, root } = chooseOnHost(options);
        const { verify } = await import("./verify.ts");
        done(await verify(chosen, { root, json: options.json === true, waitSeconds: options.wait }));
        if (!options.json)
          progress(`Agents, files, users and certificates of the other nodes cannot be seen from here. ${ELSEWHERE}`);
      });
    command("failover", "Hand the master's role over to a replica, without losing a write")
      .option("--json", json)
      .option("--to <node>", "the node that becomes master (default: the replica that has most)")
      .action(async (options: CommonOptions & { to?: string }) => {
        const { chosen, root } = chooseOnHost(options);
        knownNodes(chosen, options.to === undefined ? [] : [options.to]);
        const { failover } = await import("./failover.ts");
        done(await failover(chosen, { root, json: options.json === true, to: options.to }));
      });
    command("connect", "Run redis-cli on the master as admin, the only user whose password a host has for that")
      .option("--replica", "a read replica instead of the master")
      .argument("[args...]", "arguments for redis-cli, after --")
      .action(async (args: string[], options: CommonOptions & { replica?: boolean }) => {
        const { chosen } = chooseOnHost(options);
        const { connectOnHost } = await import("./console.ts");
        done(await connectOnHost(chosen, args, options.replica === true));
      });
    return program;
  });
}

/**
 * Finds the environment in what root was told last. As root, everything is done once more by the nodes' own user, who can do no
 * more than they can; Node itself cannot become another user on every Debian (CVE-2024-22017).
 * @throws UsageError for anyone but these two, and where no node is
 */
function chooseOnHost(options: CommonOptions): Choice {
  const environments = describedHere();
  if (options.env !== undefined && !Object.hasOwn(environments, options.env))
    throw new UsageError(
      `no node of "${options.env}" is on this host; known are: ${Object.keys(environments).join(", ")}`,
    );
  const chosen = chooseEnvironment({ version: 1, environments }, options.env);
  if (process.getuid?.() === 0) {
    const again = ["-u", chosen.inventory.engine, "--", process.execPath, HOST_PROGRAM, ...process.argv.slice(2)];
    process.exit(spawnSync("runuser", again, { cwd: "/", stdio: "inherit" }).status ?? 1);
  }
  try {
    fs.accessSync(HOST_STATE, fs.constants.R_OK);
  } catch {
    throw new UsageError("the node's passwords are for root alone: sudo redis-ha ...");
  }
  speakAsAny(HOST_STATE, chosen.environment, chosen.inventory.nodes);
  return { chosen, root: HOST_STATE, hosts: undefined };
}

function describedHere(): Record<string, InventoryEnvironment> {
  const names = fs.existsSync(HOST_SPECS) ? fs.readdirSync(HOST_SPECS).filter((name) => name.endsWith(".json")) : [];
  if (names.length === 0) throw new UsageError("no node is on this host, or it was retired; an apply brings it back");
  const specs = names.map((name) => {
    const file = path.join(HOST_SPECS, name);
    return parseNodeSpec(fs.readFileSync(file, "utf8"), file);
  });
  return Object.fromEntries(specs.map((spec) => [spec.environment, inventoryOf(spec)]));
}

/** What a node knows of its environment. */
function inventoryOf(spec: NodeSpec): InventoryEnvironment {
  const { target, engine, masterName, quorum, tls } = spec;
  // A witness has none, and does not know.
  const redisConf = parseConfigFile(spec.files["redis.conf"] ?? "");
  return {
    target,
    engine,
    masterName,
    quorum,
    minReplicasToWrite: Number(redisConf.get("min-replicas-to-write") ?? 0),
    secrets: { kind: "file" },
    tls: tls === true,
    nodes: allNodes(spec).sort((a, b) => a.name.localeCompare(b.name)),
    stacks: [],
  };
}
