import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { execa } from "execa";

/** How the hosts of an environment are reached, as its description says it. */
export interface Reach {
  readonly user: string;
  readonly port: number;
  readonly identityFile?: string;
  readonly proxyJump?: string;
  /** Run by a shell in the checkout. */
  readonly proxyCommand?: string;
  readonly knownHostsFile: string;
  /** Where the hosts themselves say which keys they have: in Parameter Store, below this path, by address. The file is made of that. */
  readonly hostKeys?: { readonly region: string; readonly path: string };
}

/** A path of a description, made absolute: a relative one counts from the checkout, `~` is the user's home. */
export function fileOf(root: string, given: string): string {
  return path.resolve(root, given.replace(/^~(?=\/|$)/, os.homedir()));
}

/** The options of ssh with which it talks to a host only if the description's file has its key, and adds none to it. */
export function knownHostsOnly({ knownHostsFile }: Reach, root: string): Readonly<Record<string, string>> {
  return {
    StrictHostKeyChecking: "yes",
    UserKnownHostsFile: quoted(fileOf(root, knownHostsFile)),
    GlobalKnownHostsFile: "none",
    UpdateHostKeys: "no",
  };
}

/** The option by which ssh takes the description's own way to a host; none where that is ssh's own. */
export function proxyOption({ proxyJump, proxyCommand }: Reach, root: string): Readonly<Record<string, string>> {
  if (proxyCommand !== undefined) {
    // ssh has its shell `exec` what it is given, so that has to be one program.
    const script = `cd ${quotedForShell(root).replaceAll("%", "%%")} && exec ${proxyCommand}`;
    return { ProxyCommand: `sh -c ${quotedForShell(script)}` };
  }
  return proxyJump === undefined ? {} : { ProxyJump: proxyJump };
}

/** For a POSIX shell. */
const quotedForShell = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** The host cannot be reached or does not let us in; nothing was sent. */
export class Unreached extends Error {
  override name = "Unreached";

  /** @param otherKey it is there, and has another key than it should have */
  constructor(
    message: string,
    readonly otherKey = false,
  ) {
    super(message);
  }
}

/** The command had not ended when its time was over; what it was doing may go on. */
export class TimedOut extends Error {
  override name = "TimedOut";
}

const UNKNOWN_KEY = /Host key verification failed|No \S+ host key is known/;
const OTHER_KEY = /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed/;

/** Until a host answers at all, in seconds. */
const CONNECT_SECONDS = 10;
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
 * One host, by the system's own OpenSSH: bastions, agents and Session Manager are the user's ordinary ssh configuration.
 * The steps of one apply share a connection.
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
    await this.knowHost();
    const answer = await this.once(command, options);
    if (!(answer instanceof Unreached)) return answer;
    // Another machine may have its address by now, with keys of its own.
    if (!answer.otherKey || !(await this.knowHost(true))) throw answer;
    const again = await this.once(command, options);
    if (again instanceof Unreached) throw again;
    return again;
  }

  /** @param anew also when the file has keys for it @returns whether it has others now */
  private async knowHost(anew = false): Promise<boolean> {
    if (this.reach.hostKeys === undefined) return false;
    const { noteHostKeys } = await import("./host-keys.ts");
    return noteHostKeys(this.address, { ...this.reach, hostKeys: this.reach.hostKeys }, this.root, anew);
  }

  private async once(command: string, options: RunOptions): Promise<Answer | Unreached> {
    const { input = "", onLine, onError, timeoutMs } = options;
    const child = execa("ssh", [...this.options(), this.address, command], {
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
    if (timedOut) throw new TimedOut(`${this.name}: no end within ${timeoutMs / 1000} s`);
    if (signal !== undefined) throw new Error(`${this.name}: ssh was ended by ${signal}`);
    // ssh's own faults end it with 255; so may a command, which then has its own words.
    if (exitCode === 255) return new Unreached(this.explain(stderr), OTHER_KEY.test(stderr));
    if (exitCode === undefined) throw new Unreached(`ssh could not be started; install the package openssh-client`);
    return { code: exitCode, stdout, stderr };
  }

  /**
   * Runs a command with our own terminal, or standard input and output, as its own. Ctrl-C belongs to the command.
   * @returns its exit code
   */
  async terminal(command: string): Promise<number> {
    await this.knowHost();
    const ignore = (): void => undefined;
    process.on("SIGINT", ignore);
    const terminal = process.stdin.isTTY && process.stdout.isTTY ? ["-t"] : ["-T"];
    const child = execa("ssh", [...this.options(), ...terminal, this.address, command], {
      stdio: "inherit",
      reject: false,
    });
    const { exitCode } = await child.finally(() => process.off("SIGINT", ignore));
    return exitCode ?? 1;
  }

  private options(): string[] {
    const { user, port, identityFile } = this.reach;
    const options = {
      BatchMode: "yes",
      ...knownHostsOnly(this.reach, this.root),
      ConnectTimeout: CONNECT_SECONDS,
      ServerAliveInterval: ALIVE.everySeconds,
      ServerAliveCountMax: ALIVE.count,
      ControlMaster: "auto",
      ControlPath: quoted(path.join(controlFolder(), `${this.way()}-%C`)),
      ControlPersist: PERSIST_SECONDS,
      LogLevel: "ERROR",
      ...proxyOption(this.reach, this.root),
    };
    return [
      ...Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
      ...["-l", user, "-p", `${port}`],
      ...(identityFile === undefined ? [] : ["-i", fileOf(this.root, identityFile), "-o", "IdentitiesOnly=yes"]),
    ];
  }

  /** What is behind one address may be another host by another way, and a connection that is there is not checked again. */
  private way(): string {
    const way = JSON.stringify([this.root, fileOf(this.root, this.reach.knownHostsFile), this.reach]);
    return createHash("sha256").update(way).digest("hex").slice(0, 8);
  }

  /** What to change, from what ssh says. */
  private explain(stderr: string): string {
    const { knownHostsFile, identityFile, user, hostKeys } = this.reach;
    const said = stderr.trim().split("\n").at(-1) ?? "";
    const nothing = "Nothing was sent.";
    if (hostKeys && (OTHER_KEY.test(stderr) || UNKNOWN_KEY.test(stderr))) {
      return (
        `${this.name}: the machine has ${OTHER_KEY.test(stderr) ? "another key than" : "not said the key that"} it has said in Parameter ` +
        `Store (${hostKeys.path}/${this.address}). ${nothing} It says its keys at its first boot: when that is over, its console tells ` +
        `what went wrong (aws ec2 get-console-output --latest), and terraform apply -replace makes another machine`
      );
    }
    if (OTHER_KEY.test(stderr)) {
      return (
        `${this.name}: the host's key is another one than ${knownHostsFile} has for it. ${nothing} If the host was set up ` +
        `anew, put its new key there, from a source that you trust; else somebody may be in between`
      );
    }
    if (UNKNOWN_KEY.test(stderr)) {
      return (
        `${this.name}: ${knownHostsFile} has no key for it, and an unknown host gets nothing. ${nothing} Put the host's key ` +
        `there, from a source that you trust (ssh-keyscan -p ${this.reach.port} ${this.address} shows what answers now)`
      );
    }
    if (/Permission denied/.test(stderr)) {
      return (
        `${this.name}: the host does not take ${identityFile ? `the key ${identityFile}` : "any key that ssh or its agent offers"} ` +
        `for ${user}. ${nothing} Put its public half into ~${user}/.ssh/authorized_keys there, or change target.identityFile`
      );
    }
    const missing = stderr
      .split("\n")
      .find((line) => /Identity file .* not accessible|No such file or directory|not found/.test(line));
    if (missing !== undefined)
      return `${this.name}: what leads to it is not there: ${missing.trim()}. ${nothing}${missing.includes(".lab/") ? " The hosts of the lab: npm run lab up" : ""}`;
    if (/Connection refused/.test(stderr))
      return `${this.name}: nobody listens for ssh there (connection refused). ${nothing}`;
    if (/kex_exchange_identification|banner exchange/.test(stderr))
      return `${this.name}: cannot be reached: the way there ended before the host said who it is (${said}). Is it off? ${nothing}`;
    if (/timed out|No route to host|unreachable|Could not resolve/i.test(stderr))
      return `${this.name}: cannot be reached: ${said}. ${nothing}`;
    return `${this.name}: ${said || "ssh ended without a word"}`;
  }
}

/** ssh splits a value at its spaces, also in the arguments of one option. */
const quoted = (file: string): string => `"${file}"`;

/** Short, because a socket's path may have 107 bytes, the name in it has 49, and ssh adds 17 while it connects; and nobody else may use what is in it. */
function controlFolder(): string {
  const folder = path.join(os.tmpdir(), `redis-ha-ssh-${os.userInfo().uid}`);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = fs.lstatSync(folder);
  if (uid !== os.userInfo().uid || (mode & 0o077) !== 0)
    throw new Error(`${folder} belongs to somebody else, or others may look into it; remove it`);
  return folder;
}
