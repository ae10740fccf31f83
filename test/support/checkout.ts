import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { checkoutName, type NodeFolder, nodeFolder, stateFolder } from "../../agent/node-folder.ts";
import { readRecord } from "../../agent/processes.ts";
import { retire } from "../../agent/retire.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import type { Inventory, InventoryEnvironment } from "../../topology/inventory.ts";
import { toolEnvironment } from "../../tools/setup/binaries.mjs";

const project = path.resolve(import.meta.dirname, "..", "..");
/** What a user's clone does not have, and what each copy makes for itself. */
const left = new Set([
  "node_modules",
  ".git",
  "cdktf.out",
  "dist",
  ".lab",
  ".state",
  ".terragrunt-cache",
  ".terraform",
]);

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  /** Both streams in the order in which they came. */
  readonly all: string;
}

export interface Checkout {
  readonly root: string;
  folder(environment: string, node: string): NodeFolder;
  /** Where an environment of this computer has its secrets: a folder with one file for each. */
  store(environment: string): string;
  /** The pid of one process of a node as its record says, or undefined. */
  pid(environment: string, node: string, process: "redis" | "sentinel" | "agent"): number | undefined;
  /** Replaces an environment's file, as a user does by editing it. */
  describe(...environments: EnvironmentInput[]): void;
  run(command: string, args: readonly string[], options?: { cwd?: string; env?: Record<string, string> }): Promise<Ran>;
  start(environment?: string): Promise<Ran>;
  stop(environment?: string): Promise<Ran>;
  redisHa(...args: string[]): Promise<Ran>;
  synth(): Promise<Ran>;
  /** One step of one node, as its provisioner runs it, with the spec that is synthesized now. */
  host(step: "install" | "apply" | "retire", environment: string, node: string): Promise<Ran>;
  /** Starts a node's agent as a reboot would, and nothing else. It ends with the checkout. */
  startAgent(environment: string, node: string): void;
  /** Terragrunt, by the project's own wrapper, in `terragrunt/<folder>`. */
  terragrunt(folder: string, ...args: string[]): Promise<Ran>;
  /** The same, killed with all its children (Terraform, provisioners) after `ms` milliseconds; agents and servers live on. */
  killed(ms: number, folder: string, ...args: string[]): Promise<void>;
  /** Ends every process of this checkout and removes its files. */
  remove(): Promise<void>;
}

/** A clone of this project in a folder of its own, with its own environments and its own user state. */
export async function createCheckout(...environments: EnvironmentInput[]): Promise<Checkout> {
  // Not os.tmpdir(): macOS's is too long for the agents' sockets.
  const home = fs.realpathSync(fs.mkdtempSync("/tmp/rh-"));
  const root = path.join(home, "clone");
  fs.cpSync(project, root, { recursive: true, filter: (source) => !left.has(path.basename(source)) });
  linkPackages(root);
  for (const entry of fs.readdirSync(path.join(root, "terragrunt"), { withFileTypes: true })) {
    // The units of the given environments are written by the synth.
    if (entry.isDirectory()) fs.rmSync(path.join(root, "terragrunt", entry.name), { recursive: true });
  }
  const env = {
    ...(await toolEnvironment()),
    XDG_STATE_HOME: path.join(home, "state"),
    XDG_DATA_HOME: path.join(home, "data"),
    NO_COLOR: "1",
  };

  const stateOf = (): string => {
    const before = process.env["XDG_STATE_HOME"];
    process.env["XDG_STATE_HOME"] = env.XDG_STATE_HOME;
    try {
      return stateFolder(root);
    } finally {
      if (before === undefined) delete process.env["XDG_STATE_HOME"];
      else process.env["XDG_STATE_HOME"] = before;
    }
  };

  const checkout: Checkout = {
    root,
    folder: (environment, node) => nodeFolder(stateOf(), environment, node),
    store: (environment) => path.join(env.XDG_DATA_HOME, "cdktf-redis-ha", "secrets", checkoutName(root), environment),
    pid: (environment, node, name) =>
      readRecord(path.join(checkout.folder(environment, node).run, `${name}.json`))?.pid,
    describe: (...described) => {
      const folder = path.join(root, "environments");
      for (const environment of described) {
        const text = `export const environment = ${JSON.stringify(environment, undefined, 2)} as const;\n`;
        fs.writeFileSync(path.join(folder, `${environment.name}.ts`), text);
      }
      const imports = described.map(({ name }, index) => `import { environment as e${index} } from "./${name}.ts";`);
      fs.writeFileSync(
        path.join(folder, "index.ts"),
        `${imports.join("\n")}
import type { Environment, EnvironmentInput } from "./environment.ts";
import { parseEnvironments } from "./parse.ts";
const inputs = [${described.map((_, index) => `e${index}`).join(", ")}] as unknown as EnvironmentInput[];
export const environments: Environment[] = parseEnvironments(inputs);
`,
      );
    },
    run: async (command, args, options = {}) => {
      const cwd = options.cwd ?? root;
      const { exitCode, stdout, all } = await execa(command, args, {
        cwd,
        // Shells set PWD, and Terragrunt believes it.
        env: { ...env, PWD: cwd, ...options.env },
        extendEnv: false,
        stdin: "ignore",
        all: true,
        reject: false,
      });
      return { code: exitCode ?? -1, stdout, all };
    },
    start: (environment = "local") => checkout.run("node_modules/.bin/tsx", ["tools/start.ts", environment]),
    stop: (environment = "local") => checkout.run("node_modules/.bin/tsx", ["tools/stop.ts", environment]),
    synth: () => checkout.run("node_modules/.bin/tsx", ["main.ts"]),
    host: (step, environment, node) => {
      const spec = path.join(root, "cdktf.out", "specs", environment, `${node}.json`);
      const given = {
        REDIS_HA_NODE: JSON.stringify({ environment, node }),
        ...(step === "retire" ? {} : { REDIS_HA_SPEC: fs.readFileSync(spec, "utf8") }),
      };
      return checkout.run(process.execPath, [path.join(root, "cdktf.out", "redis-ha.cjs"), "host", step], {
        env: given,
      });
    },
    startAgent: (environment, node) => {
      const program = path.join(root, "cdktf.out", "redis-ha.cjs");
      spawn(process.execPath, [program, "host", "run", checkout.folder(environment, node).root], {
        cwd: "/",
        detached: true,
        stdio: "ignore",
        env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
      }).unref();
    },
    redisHa: (...args) => checkout.run("node_modules/.bin/redis-ha", args),
    terragrunt: (folder, ...args) =>
      checkout.run(path.join(root, "node_modules/.bin/terragrunt"), args, {
        cwd: path.join(root, "terragrunt", folder),
      }),
    killed: async (ms, folder, ...args) => {
      const cwd = path.join(root, "terragrunt", folder);
      const child = spawn(path.join(root, "node_modules/.bin/terragrunt"), args, {
        cwd,
        env: { ...env, PWD: cwd },
        stdio: "ignore",
        detached: true,
      });
      const timer = setTimeout(() => process.kill(-(child.pid as number), "SIGKILL"), ms);
      await new Promise((resolve) => child.once("exit", resolve));
      clearTimeout(timer);
    },
    remove: async () => {
      const state = stateOf();
      const folders = fs.existsSync(state)
        ? fs
            .readdirSync(state, { withFileTypes: true })
            .filter((entry) => entry.isDirectory())
            .flatMap(({ name }) => fs.readdirSync(path.join(state, name)).map((node) => [name, node]))
        : [];
      await Promise.all(
        folders.map(([name, node]) => retire(nodeFolder(state, name as string, node as string), { everything: true })),
      );
      fs.rmSync(home, { recursive: true, force: true });
    },
  };
  checkout.describe(...environments);
  return checkout;
}

/** Where the folders of a checkout's environments lie. */
export const stateIn = (checkout: Checkout, environment: string): string =>
  path.dirname(path.dirname(checkout.folder(environment, "any").root));

/** An environment as it was synthesized last. */
export function inventoryIn({ root }: Checkout, environment: string): InventoryEnvironment {
  const file = path.join(root, "cdktf.out", "environments.json");
  const found = (JSON.parse(fs.readFileSync(file, "utf8")) as Inventory).environments[environment];
  if (!found) throw new Error(`${file} does not list ${environment}`);
  return found;
}

/** node_modules with the same packages, but with this copy's own commands in place of the original's. */
function linkPackages(root: string): void {
  const [from, to] = [path.join(project, "node_modules"), path.join(root, "node_modules")];
  fs.mkdirSync(to);
  for (const name of fs.readdirSync(from).filter((entry) => !entry.startsWith("."))) {
    const link = path.join(from, name);
    const workspace = fs.lstatSync(link).isSymbolicLink();
    fs.symlinkSync(workspace ? fs.readlinkSync(link) : link, path.join(to, name));
  }
  fs.cpSync(path.join(from, ".bin"), path.join(to, ".bin"), { recursive: true, verbatimSymlinks: true });
}

/** One master and two replicas with a Sentinel each: redis on `base + 1`, +2, +3, Sentinels on `base + 11` and so on. */
export function threeNodes(
  name: string,
  base: number,
  settings: Partial<EnvironmentInput["settings"]> = {},
): EnvironmentInput {
  const nodeAt = (index: number, letter: string) => ({
    name: `redis-${letter}`,
    port: base + index,
    sentinelPort: base + 10 + index,
  });
  return {
    name,
    target: { kind: "local" },
    zones: {
      a: { nodes: [nodeAt(1, "a")] },
      b: { nodes: [nodeAt(2, "b")] },
      c: { nodes: [nodeAt(3, "c")] },
    },
    settings: { maxMemoryMb: 100, ...settings },
  };
}
