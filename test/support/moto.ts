import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { withLock } from "../../tools/setup/lock.mjs";
import { cacheFolder } from "../../tools/setup/places.mjs";
import { runStep } from "../../tools/setup/run-step.mjs";

/** moto, a server that answers as AWS does, from PyPI. Its extra `server` is for all services, and twice as large. */
const packages = ["moto[ssm]==5.2.5", "flask~=3.0", "flask-cors~=6.0"];

/** Why moto cannot be had on this computer; undefined when it can be. */
export async function whyNoMoto(): Promise<string | undefined> {
  const { exitCode } = await execa("python3", ["-c", "import venv, ensurepip"], { reject: false });
  return exitCode === 0
    ? undefined
    : "there is no python3 with venv; apt-get install python3-venv, or whatever brings Python on this system";
}

/** An environment of Python with moto in it, made once a user: about 15 seconds. @returns its python */
async function pythonWithMoto(): Promise<string> {
  const folder = path.join(cacheFolder(process.env), "moto", (packages[0] ?? "").replace(/\W+/g, "-"));
  const [python, whole] = [path.join(folder, "bin", "python"), path.join(folder, "whole")];
  if (fs.existsSync(whole)) return python;
  await withLock(path.join(cacheFolder(process.env), "locks", "moto"), async (onStart) => {
    if (fs.existsSync(whole)) return;
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(folder), { recursive: true });
    const step = {
      title: "Installing moto for the tests",
      about: "about 15 seconds",
      cwd: path.dirname(folder),
      onStart,
    };
    await runStep({ ...step, command: "python3", args: ["-m", "venv", folder], env: process.env });
    const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages];
    await runStep({ ...step, command: python, args, env: process.env });
    fs.writeFileSync(whole, "");
  });
  return python;
}

export interface Moto {
  /** For AWS_ENDPOINT_URL. */
  readonly url: string;
  /** Forgets everything, and lets everybody do everything. */
  reset(): Promise<void>;
  /** From now on, only who has been allowed to do something may. */
  enforceAuth(): Promise<void>;
  /** A user of IAM without any permission. @returns its key */
  createUser(name: string): Promise<{ id: string; secret: string }>;
  stop(): Promise<void>;
}

export async function startMoto(): Promise<Moto> {
  const python = await pythonWithMoto();
  const port = await freePort();
  const args = ["-m", "moto.server", "--host", "127.0.0.1", "--port", String(port)];
  const server = spawn(python, args, { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  await answering(url, server);
  const post = async (to: string, body: string, headers: Record<string, string> = {}): Promise<string> => {
    const response = await fetch(`${url}${to}`, { method: "POST", body, headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`moto: ${to}: ${response.status} ${text}`);
    return text;
  };
  const iam = (query: string): Promise<string> =>
    post("/", `Version=2010-05-08&${query}`, {
      "content-type": "application/x-www-form-urlencoded",
      authorization:
        "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0",
    });
  return {
    url,
    reset: async () => {
      await post("/moto-api/reset-auth", "1000000000");
      await post("/moto-api/reset", "");
    },
    enforceAuth: async () => {
      await post("/moto-api/reset-auth", "0");
    },
    createUser: async (name) => {
      await iam(`Action=CreateUser&UserName=${name}`);
      const text = await iam(`Action=CreateAccessKey&UserName=${name}`);
      const field = (tag: string): string => new RegExp(`<${tag}>([^<]+)`).exec(text)?.[1] ?? "";
      return { id: field("AccessKeyId"), secret: field("SecretAccessKey") };
    },
    stop: async () => {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      if (server.exitCode === null && server.kill("SIGKILL")) await ended;
    },
  };
}

/** Python loads for a second or two; on a busy machine for longer. */
async function answering(url: string, server: ChildProcess): Promise<void> {
  for (const start = Date.now(); Date.now() - start < 50_000; await sleep(100)) {
    if (server.exitCode !== null) throw new Error(`moto ended with ${server.exitCode} before it answered`);
    if (
      await fetch(`${url}/moto-api/`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
  }
  server.kill("SIGKILL");
  throw new Error("moto does not answer");
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
