import { createHash, randomUUID } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { execa } from "execa";
import { readIfThere } from "../agent/node-folder.ts";
import { notedAddress } from "./bastion-address.ts";
import { proxyOption } from "./proxy.ts";
import {
  fileOf,
  isSessionManager,
  knownHostsOnly,
  loginArguments,
  quoted,
  type Reach,
  type SshOptions,
} from "./reach.ts";
import { type Place, Unreached, unreached } from "./unreached.ts";

/** The command had not ended when its time was over; what it was doing may go on. */
export class TimedOut extends Error {
  override name = "TimedOut";
}

/** Until a host answers at all, in seconds. AWS's command line asks twice and loads its plugin before Session Manager leads anywhere. */
const CONNECT_SECONDS = { directly: 10, sessionManager: 30 };
/** A connection over which nothing comes for this long is given up: three questions of 5 s without an answer. */
const ALIVE = { everySeconds: 5, count: 3 };
/** Two that connect at once both offer their connection to others; one of them is told that it need not. */
const SHARED = /^ControlSocket .* already exists, disabling multiplexing/;
/** How long an idle connection is kept for the next step of the same apply, in seconds. */
const PERSIST_SECONDS = 60;

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Listener = (line: string) => void;

interface RunOptions {
  /** For its standard input. */
  readonly input?: string;
  /** Told each line of its error stream, and of its output, as it comes. */
  readonly onLine?: Listener;
  /** Told each line of its error stream alone. */
  readonly onError?: Listener;
  readonly timeoutMs: number;
}

/**
 * One host, by the system's own OpenSSH, for which the user's ordinary ssh configuration holds where the description says nothing else.
 * The steps of one apply share a connection, and those through a bastion one to that.
 */
export class Ssh {
  /**
   * @param root the checkout: a relative path of the description counts from there
   */
  constructor(
    readonly address: string,
    private readonly reach: Reach,
    private readonly root: string,
  ) {}

  /** What a command begins with that needs root. */
  get sudo(): string {
    return this.reach.user === "root" ? "" : "sudo -n ";
  }

  /** What it is reached by, for messages. */
  get name(): string {
    return `${this.reach.user}@${this.address}${this.reach.port === 22 ? "" : `:${this.reach.port}`}`;
  }

  /**
   * Runs a command in the shell of the host.
   * @returns how it ended, whatever that is
   * @throws Unreached when the host cannot be reached or does not let us in
   */
  async run(command: string, options: RunOptions): Promise<Answer> {
    await this.knowWay();
    const anew = new Set<Place>();
    for (;;) {
      const noted = this.noted();
      const answer = await this.once(command, options);
      if (!(answer instanceof Unreached)) return answer;
      // Another machine may have its address by now, with keys of its own, and another bastion an address of its own.
      if (!answer.outdated || anew.has(answer.at)) throw answer;
      anew.add(answer.at);
      await this.knowWay(answer.at);
      // Who reaches another host at the same time may have noted it first.
      if (this.noted() === noted) throw answer;
    }
  }

  /**
   * Has the keys of the host noted, and those of the bastion with its address.
   * @param anew what is asked for also when it is noted already
   */
  private async knowWay(anew?: Place): Promise<void> {
    const { hostKeys } = this.reach;
    if (hostKeys === undefined) return;
    const { noteWay } = await import("./note-way.ts");
    await noteWay(this.address, { ...this.reach, hostKeys }, this.root, anew);
  }

  /** All that is noted of hosts and bastion, to see whether it has changed. */
  private noted(): string {
    const { hostKeys, knownHostsFile, bastion } = this.reach;
    if (hostKeys === undefined) return "";
    return JSON.stringify(
      [knownHostsFile, ...(bastion ? [bastion.addressFile] : [])].map((it) => readIfThere(fileOf(this.root, it))),
    );
  }

  private async once(command: string, options: RunOptions): Promise<Answer | Unreached> {
    const { input = "", onLine, onError, timeoutMs } = options;
    const { name, address, reach } = this;
    const bastionAddress = reach.bastion && notedAddress(reach.bastion, this.root);
    const errors = proxyErrors();
    const child = execa("ssh", [...this.options(errors.file), address, command], {
      input,
      reject: false,
      timeout: timeoutMs,
      all: true,
      maxBuffer: 64 * 1024 * 1024,
    });
    const listen = onLine ?? onError;
    if (listen) {
      for await (const line of child.iterable({ from: onLine ? "all" : "stderr" }))
        if (!SHARED.test(line)) listen(line);
    }
    const { exitCode, stdout, stderr, timedOut, signal } = await child;
    const proxySaid = errors.take();
    if (timedOut) throw new TimedOut(`${this.name}: no end within ${timeoutMs / 1000} s`);
    if (signal !== undefined) throw new Error(`${this.name}: ssh was ended by ${signal}`);
    // ssh's own faults end it with 255; so may a command, which then has its own words.
    if (exitCode === 255) return unreached(`${proxySaid}${stderr}`, { name, address, reach, bastionAddress });
    if (exitCode === undefined) throw new Unreached(`ssh could not be started; install the package openssh-client`);
    return { code: exitCode, stdout, stderr };
  }

  /**
   * Runs a command with our own terminal, or standard input and output, as its own. Ctrl-C belongs to the command.
   * @returns its exit code
   */
  async terminal(command: string): Promise<number> {
    await this.knowWay();
    const ignore = (): void => undefined;
    process.on("SIGINT", ignore);
    const terminal = process.stdin.isTTY && process.stdout.isTTY ? ["-t"] : ["-T"];
    const errors = proxyErrors();
    const child = execa("ssh", [...this.options(errors.file), ...terminal, this.address, command], {
      stdio: "inherit",
      reject: false,
    });
    const { exitCode } = await child.finally(() => process.off("SIGINT", ignore));
    const proxySaid = errors.take();
    if (exitCode === 255) process.stderr.write(proxySaid);
    return exitCode ?? 1;
  }

  /**
   * The arguments of ssh before the host's address.
   * @param errors a file for what a proxy says
   */
  private options(errors: string): string[] {
    const alive: SshOptions = {
      ServerAliveInterval: ALIVE.everySeconds,
      ServerAliveCountMax: ALIVE.count,
      ControlMaster: "auto",
      ControlPath: quoted(path.join(controlFolder(), `${this.way()}-%C`)),
      ControlPersist: PERSIST_SECONDS,
    };
    const options = {
      BatchMode: "yes",
      ...knownHostsOnly(this.reach, this.root),
      ConnectTimeout: CONNECT_SECONDS[isSessionManager(this.reach) ? "sessionManager" : "directly"],
      ...alive,
      LogLevel: "ERROR",
      ...proxyOption(this.reach, this.root, { sharing: alive, errors }),
    };
    return loginArguments(this.reach, this.reach.port, this.root, options);
  }

  /** What is behind one address may be another host by another way, and a connection that is there is not checked again. */
  private way(): string {
    const way = JSON.stringify([this.root, fileOf(this.root, this.reach.knownHostsFile), this.reach]);
    return createHash("sha256").update(way).digest("hex").slice(0, 8);
  }
}

/** A file for what the proxy of one connection says. A connection that lives on keeps it open, and nothing comes any more. */
function proxyErrors(): { readonly file: string; take(): string } {
  const file = path.join(controlFolder(), `${randomUUID()}.said`);
  return {
    file,
    take: () => {
      const said = readIfThere(file) ?? "";
      fs.rmSync(file, { force: true });
      return said;
    },
  };
}

/** Short, because a socket's path may have 107 bytes, the name in it has 49, and ssh adds 17 while it connects; and nobody else may use what is in it. */
function controlFolder(): string {
  const folder = path.join(os.tmpdir(), `redis-ha-ssh-${os.userInfo().uid}`);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = fs.lstatSync(folder);
  if (uid !== os.userInfo().uid || (mode & 0o077) !== 0)
    throw new Error(`${folder} belongs to somebody else, or others may look into it; remove it`);
  return folder;
}
