import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { askAgent, NoAgent, type Response } from "./control.ts";
import { lastLines } from "./log.ts";
import type { NodeFolder } from "./node-folder.ts";
import { isAlive, readRecord, waitFor } from "./processes.ts";
import { installProgram, programHash } from "./program.ts";

const AGENT_START_TIMEOUT_MS = 10_000;

/** Starts the resident agent, or replaces one that runs an older program. The servers run on meanwhile. */
export async function ensureAgent(folder: NodeFolder, changes: string[], bySystemd = false): Promise<void> {
  const running = await agentStatus(folder);
  if (running?.program === programHash()) return;
  if (running) {
    const record = readRecord(path.join(folder.run, "agent.json"));
    await askAgent(folder.socket, { do: "leave" });
    const gone = (): true | undefined => (record && isAlive(record) ? undefined : true);
    await waitFor(`the agent (pid ${running.pid}) leaves`, gone, AGENT_START_TIMEOUT_MS);
  }
  const log = path.join(folder.logs, "agent.log");
  if (!bySystemd) spawnAgent(folder, log);
  await waitFor(
    "the agent answers",
    async () => (await agentStatus(folder))?.program === programHash() || undefined,
    AGENT_START_TIMEOUT_MS,
  ).catch((error: Error) => {
    throw new Error(`${error.message}; the last lines of ${log}:\n${lastLines(log, 5)}`);
  });
  changes.push(running ? "agent replaced" : "agent started");
}

function spawnAgent(folder: NodeFolder, log: string): void {
  const program = installProgram(folder);
  const output = fs.openSync(log, "a", 0o600);
  try {
    const command = [
      ...[process.execPath, "--max-old-space-size=64", "--max-semi-space-size=1"],
      ...[program, "host", "run", folder.root],
    ];
    // Its own session, no terminal, nothing of ours kept open: Terraform must not wait for it, nor take it along.
    // A core would be memory with the passwords in it; what the agent starts has the same limit, and Node cannot set one.
    const child = spawn("/bin/sh", ["-c", 'ulimit -c 0; exec "$0" "$@"', ...command], {
      cwd: "/",
      detached: true,
      stdio: ["ignore", output, output],
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], LANG: "C" },
    });
    child.unref();
  } finally {
    fs.closeSync(output);
  }
}

/** The agent's own account, or undefined when it does not run. An agent that was killed leaves its socket behind. */
export async function agentStatus(folder: NodeFolder): Promise<Response | undefined> {
  const record = readRecord(path.join(folder.run, "agent.json"));
  if (!record || !isAlive(record)) return undefined;
  try {
    return await askAgent(folder.socket, { do: "status" });
  } catch (error) {
    if (error instanceof NoAgent) return undefined;
    throw error;
  }
}
