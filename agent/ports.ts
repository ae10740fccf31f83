import { execFileSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import type { Endpoint } from "../cluster/connection.ts";

/** Is somebody listening there? */
export function isListening({ address, port }: Endpoint, timeoutMs = 500): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: address, port });
    const done = (listening: boolean): void => {
      socket.destroy();
      resolve(listening);
    };
    socket.setTimeout(timeoutMs, () => done(true));
    socket.once("connect", () => done(true));
    socket.once("error", (error: NodeJS.ErrnoException) => done(error.code !== "ECONNREFUSED"));
  });
}

/** Can a server of this computer listen at that address? */
export function hasAddress(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    // The list of interfaces is not for whoever may open no netlink socket, as the agent on a host.
    const server = net.createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "EADDRNOTAVAIL"));
    server.listen({ host: address, port: 0 }, () => server.close(() => resolve(true)));
  });
}

/** Who listens on a TCP port of this computer, in words: `redis-server 127.0.0.1:6401 (pid 4711, uid 1000, in /data)`. */
export function listenerOf(port: number): string {
  const pid = process.platform === "linux" ? listenerPidLinux(port) : listenerPidLsof(port);
  if (pid === undefined) return "a process that this user may not see";
  let command = "";
  try {
    command =
      process.platform === "linux"
        ? fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()
        : execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch {
    // It may be gone by now, or not ours to read: the pid alone still helps.
  }
  const [line = ""] = command.slice(0, 120).split("\n");
  return `${line || "a process"} (pid ${pid}${ownerOf(pid)}${folderOf(pid)})`;
}

function ownerOf(pid: number): string {
  try {
    return `, uid ${fs.statSync(`/proc/${pid}`).uid}`;
  } catch {
    return "";
  }
}

/** A server's folder of data, which tells clusters apart. */
function folderOf(pid: number): string {
  try {
    return `, in ${fs.readlinkSync(`/proc/${pid}/cwd`)}`;
  } catch {
    return "";
  }
}

function listenerPidLinux(port: number): number | undefined {
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    let text = "";
    try {
      text = fs.readFileSync(table, "utf8");
    } catch {
      continue;
    }
    for (const line of text.split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      const listening = fields[3] === "0A";
      if (listening && parseInt(fields[1]?.split(":")[1] ?? "", 16) === port) inodes.add(`socket:[${fields[9]}]`);
    }
  }
  for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      for (const handle of fs.readdirSync(`/proc/${pid}/fd`)) {
        if (inodes.has(fs.readlinkSync(`/proc/${pid}/fd/${handle}`))) return Number(pid);
      }
    } catch {
      // Another user's process, or one that just ended.
    }
  }
  return undefined;
}

function listenerPidLsof(port: number): number | undefined {
  try {
    const out = execFileSync("lsof", ["-nP", "-t", `-iTCP:${port}`, "-sTCP:LISTEN"], { encoding: "utf8" });
    return Number(out.trim().split("\n")[0]) || undefined;
  } catch {
    return undefined;
  }
}
