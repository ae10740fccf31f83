import path from "node:path";
import { execa } from "execa";
import type { Checkout } from "../test/support/checkout.ts";
import { toolEnvironment } from "../tools/setup/binaries.mjs";

/** Longest that one command may take, in milliseconds: the slowest that is measured takes some 10 s. */
const TIMEOUT_MS = 120_000;
/** How long a command that is told to end may take for it. Its state is thrown away, so there is nothing to wait for. */
const PATIENCE_MS = 5000;

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Below the checkout. */
  readonly folder?: string;
}

export interface Done {
  readonly seconds: number;
  readonly output: string;
}

/** Runs commands in a checkout, one at a time, and times each as a whole process. */
export class Commands {
  private constructor(
    private readonly checkout: Checkout,
    private readonly env: NodeJS.ProcessEnv,
    private readonly signal: AbortSignal,
  ) {}

  /** @param signal ends the command that is running, and lets none start after it */
  static async in(checkout: Checkout, signal: AbortSignal): Promise<Commands> {
    // The checkout keeps its nodes in <state home>/<project>/<checkout>/<environment>/<node>.
    const stateHome = path.resolve(checkout.folder("environment", "node").root, "..", "..", "..", "..");
    const env = {
      ...(await toolEnvironment(asTyped(process.env))),
      XDG_STATE_HOME: stateHome,
      XDG_DATA_HOME: path.join(path.dirname(stateHome), "data"),
      NO_COLOR: "1",
      npm_config_update_notifier: "false",
    };
    return new Commands(checkout, env, signal);
  }

  /**
   * @throws with the end of its output when the command fails or takes too long; when the run was interrupted, with
   * that, and only after the command and all its children have ended
   */
  async time({ program, args, folder = "." }: Command): Promise<Done> {
    this.signal.throwIfAborted();
    const cwd = path.join(this.checkout.root, folder);
    const before = performance.now();
    // A process group of its own: it can be ended with all its children, and Ctrl-C reaches it through us alone.
    const child = execa(program, args, {
      cwd,
      env: { ...this.env, PWD: cwd },
      extendEnv: false,
      detached: true,
      stdin: "ignore",
      all: true,
      reject: false,
    });
    const end = endGroup(child.pid);
    const timer = setTimeout(end, TIMEOUT_MS);
    this.signal.addEventListener("abort", end, { once: true });
    const { exitCode, all, originalMessage } = await child;
    const seconds = (performance.now() - before) / 1000;
    this.signal.removeEventListener("abort", end);
    clearTimeout(timer);
    end.done();
    this.signal.throwIfAborted();
    if (exitCode !== 0) {
      const why = exitCode === undefined ? (originalMessage ?? "ended by a signal") : `exit code ${exitCode}`;
      const after = `after ${seconds.toFixed(1)} s`;
      throw new Error(`${[program, ...args].join(" ")}: ${why} ${after}\n${all.split("\n").slice(-40).join("\n")}`);
    }
    return { seconds, output: all };
  }
}

/** SIGTERM to a whole process group, SIGKILL to what is left of it after a while. */
function endGroup(pid: number | undefined): (() => void) & { done: () => void } {
  let killer: NodeJS.Timeout | undefined;
  const send = (signal: NodeJS.Signals): void => {
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  const end = (): void => {
    if (killer) return;
    send("SIGTERM");
    killer = setTimeout(() => send("SIGKILL"), PATIENCE_MS);
  };
  return Object.assign(end, {
    done: () => {
      if (!killer) return;
      clearTimeout(killer);
      // The first of the group has gone, but a provisioner may still be about to start an agent.
      send("SIGKILL");
    },
  });
}

/** The environment as a user's shell has it: `npm run` adds variables and folders that belong to this checkout. */
function asTyped(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !/^npm_/i.test(name) && name !== "INIT_CWD");
  const folders = (env["PATH"] ?? "").split(path.delimiter);
  const own = path.join("node_modules", ".bin");
  return {
    ...Object.fromEntries(kept),
    PATH: folders.filter((folder) => !folder.endsWith(own) && !folder.endsWith("node-gyp-bin")).join(path.delimiter),
  };
}
