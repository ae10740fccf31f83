import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { execa } from "execa";
import { waitFor } from "../../agent/processes.ts";
import { withLock } from "../../tools/setup/lock.mjs";
import { cacheFolder } from "../../tools/setup/places.mjs";
import { runStep } from "../../tools/setup/run-step.mjs";

/**
 * moto, a server that answers as AWS does, and AWS's own command line, from PyPI. moto's extra `server` is for all services, and twice as
 * large.
 */
const packages = ["moto[s3,ssm]==5.2.5", "flask~=3.0", "flask-cors~=6.0", "awscli==1.46.3"];

/** Why moto cannot be had on this computer; undefined when it can be. */
export async function whyNoMoto(): Promise<string | undefined> {
  const { exitCode } = await execa("python3", ["-c", "import venv, ensurepip"], { reject: false });
  return exitCode === 0
    ? undefined
    : "there is no python3 with venv; apt-get install python3-venv, or whatever brings Python on this system";
}

/** An environment of Python with all of it, made once a user: about 20 seconds. @returns the file of a program in it */
export async function pythonProgram(name: "python" | "aws"): Promise<string> {
  const folder = path.join(cacheFolder(process.env), "moto", packages.join("-").replace(/\W+/g, "-"));
  await madePython(folder);
  return path.join(folder, "bin", name);
}

async function madePython(folder: string): Promise<void> {
  const [python, whole] = [path.join(folder, "bin", "python"), path.join(folder, "whole")];
  if (fs.existsSync(whole)) return;
  await withLock(path.join(cacheFolder(process.env), "locks", "moto"), async (onStart) => {
    if (fs.existsSync(whole)) return;
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(folder), { recursive: true });
    const common = { cwd: path.dirname(folder), env: process.env, onStart };
    await runStep({
      ...common,
      title: "Making an environment of Python for the tests",
      about: "about 5 seconds",
      command: "python3",
      args: ["-m", "venv", folder],
    });
    await runStep({
      ...common,
      title: "Installing moto and AWS's command line in it",
      about: "about 15 seconds",
      command: python,
      args: ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages],
    });
    fs.writeFileSync(whole, "");
  });
}

/** A request, by a process of its own, which may be in another network. */
const ASK = `fetch(process.argv[2], { method: process.argv[1] }).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`;

export interface Moto {
  /** For AWS_ENDPOINT_URL. */
  readonly url: string;
  /** Forgets everything. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** Where it is to be: a network other than this computer's own. */
export interface Elsewhere {
  /** The command line that runs a command there. */
  readonly command: (command: readonly string[]) => string[];
  readonly address: string;
  readonly port: number;
}

/**
 * @param env more for its environment: its own settings
 * @param elsewhere @default - on this computer, on a port that is free
 */
export async function startMoto(env: Readonly<Record<string, string>> = {}, elsewhere?: Elsewhere): Promise<Moto> {
  const python = await pythonProgram("python");
  const { command, address, port } = elsewhere ?? {
    command: (line: readonly string[]) => [...line],
    address: "127.0.0.1",
    port: await freePort(),
  };
  const host = elsewhere ? "0.0.0.0" : address;
  const [file = "", ...args] = command([python, "-m", "moto.server", "--host", host, "--port", String(port)]);
  const server = spawn(file, args, { stdio: "ignore", env: { ...process.env, ...env } });
  const url = `http://${address}:${port}`;
  const ask = async (method: string, path: string): Promise<boolean> => {
    const [node = "", ...rest] = command([process.execPath, "-e", ASK, method, `${url}${path}`]);
    return (await execa(node, rest, { reject: false })).exitCode === 0;
  };
  await answering(() => ask("GET", "/moto-api/"), server);
  return {
    url,
    reset: async () => {
      if (!(await ask("POST", "/moto-api/reset"))) throw new Error("moto does not forget");
    },
    stop: async () => {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      if (server.exitCode === null && server.kill("SIGKILL")) await ended;
    },
  };
}

/** Python loads for a second or two; on a busy machine for longer. */
async function answering(ask: () => Promise<boolean>, server: ChildProcess): Promise<void> {
  const answers = async (): Promise<true | undefined> => {
    if (server.exitCode !== null) throw new Error(`moto ended with ${server.exitCode} before it answered`);
    return (await ask()) || undefined;
  };
  await waitFor("moto answers", answers, 50_000, 100).catch((error: unknown) => {
    server.kill("SIGKILL");
    throw error;
  });
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
