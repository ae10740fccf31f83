import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { isAlive, type ProcessRecord, readRecord, recordOf, waitFor } from "../../agent/processes.ts";
import { writeAtomically } from "../../agent/node-folder.ts";
import { ControlGroup } from "./control-group.ts";
import { rootOf } from "./disk.ts";
import { inNamespace } from "./network.ts";
import type { HostRecord } from "./records.ts";

/** About 1 s on an idle computer with 2 cores. */
const BOOT_TIMEOUT_MS = 60_000;
/** systemd itself waits up to 90 s for a unit that does not stop. */
const POWEROFF_TIMEOUT_MS = 120_000;
/** How systemd-nspawn ends when the host has asked for a reboot, and somebody else is to start it again. */
const REBOOT_CODE = 133;
const COMMAND_TIMEOUT_MS = 60_000;

/** What a host loses: what it is sent, what it sends, or both. */
export type Direction = "in" | "out" | "both";
const chains: Readonly<Record<Direction, readonly string[]>> = {
  in: ["INPUT -i"],
  out: ["OUTPUT -o"],
  both: ["INPUT -i", "OUTPUT -o"],
};

/** One machine of a lab: a container with its own systemd, disk and network. */
export class Host {
  readonly name: string;
  readonly address: string;
  /** Its file system as this computer sees it, while it is off too. */
  readonly root: string;
  private readonly group: ControlGroup;
  private readonly processFile: string;
  private readonly console: string;

  constructor(
    private readonly record: HostRecord,
    private readonly control: string,
  ) {
    this.name = record.name;
    this.address = record.address;
    this.root = rootOf(record);
    this.group = new ControlGroup(record.namespace);
    this.processFile = path.join(record.folder, "process.json");
    this.console = path.join(record.folder, "console.log");
  }

  /** The computer's pid of what runs the host's systemd-nspawn, or undefined when the host is off. */
  pid(): number | undefined {
    const record = readRecord<ProcessRecord>(this.processFile);
    return record && isAlive(record) ? record.pid : undefined;
  }

  /** The computer's pids of all that runs on the host, systemd-nspawn included. */
  pids(): number[] {
    return this.group.pids();
  }

  /** `boots` until logins are possible. */
  async state(): Promise<"off" | "boots" | "running"> {
    if (this.group.isEmpty()) return "off";
    return (await this.acceptsLogins()) ? "running" : "boots";
  }

  /**
   * Switches the host on and waits until logins are possible. Does nothing when it is on.
   * @throws when it does not boot within a minute, with the end of its console
   */
  async boot(): Promise<void> {
    if (this.group.isEmpty()) this.start();
    await waitFor(
      `${this.name} boots`,
      async () => {
        if (this.group.isEmpty() && this.pid() === undefined) throw new Error("it went off");
        return (await this.acceptsLogins()) || undefined;
      },
      BOOT_TIMEOUT_MS,
      100,
    ).catch((error: Error) => {
      throw new Error(`${this.name}: ${error.message}. The end of ${this.console}:\n${this.consoleEnd()}`);
    });
  }

  /** Ends everything on the host at once, as when its power is cut. What it had not yet written to disk is kept all the same. */
  async powerLoss(): Promise<void> {
    await this.group.kill();
  }

  /** Everything on the host stands still, as when a virtual machine is paused, until `thaw`. Its kernel still takes packets. */
  async freeze(): Promise<void> {
    await this.group.freeze(true);
  }

  /** Ends what `freeze` began; does nothing when nothing stands still. */
  async thaw(): Promise<void> {
    await this.group.freeze(false);
  }

  /**
   * Switches the host off as an operator does, by `systemctl poweroff`, and waits until it is off.
   * @throws when that takes more than two minutes; `powerLoss` ends it then
   */
  async poweroff(): Promise<void> {
    await this.run(["systemctl", "--no-block", "poweroff"]);
    const isOff = (): true | undefined => this.group.isEmpty() || undefined;
    await waitFor(`${this.name} powers off`, isOff, POWEROFF_TIMEOUT_MS);
  }

  /**
   * Runs a command as root on the host, past its network.
   * @returns what it wrote to stdout
   * @throws when it fails, takes more than `timeoutMs`, or the host is off
   */
  async run(command: readonly string[], { timeoutMs = COMMAND_TIMEOUT_MS } = {}): Promise<string> {
    const init = this.init();
    if (init === undefined) throw new Error(`${this.name} is off`);
    const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
    const options = { env, extendEnv: false, stdin: "ignore", timeout: timeoutMs } as const;
    const { stdout } = await execa("nsenter", [`--target=${init}`, "--all", "--", ...command], options);
    return stdout;
  }

  /** Drops packets silently, until `uncut`; over a boot too, as a cable that is pulled. The host still reaches itself. */
  async cut(direction: Direction = "both"): Promise<void> {
    await this.uncut();
    await this.firewall(chains[direction].map((rule) => `iptables -w -I ${rule} host0 -j DROP`).join(" && "));
  }

  /** Ends what `cut` began; does nothing when nothing is cut. */
  async uncut(): Promise<void> {
    const removals = chains.both.map((rule) => `while iptables -w -D ${rule} host0 -j DROP 2>/dev/null; do :; done`);
    await this.firewall(removals.join("; "));
  }

  /** By the host's own iptables, whether it runs or not: this computer needs none. */
  private async firewall(script: string): Promise<void> {
    const [file, ...args] = inNamespace(this.record.namespace, ["chroot", this.root, "sh", "-c", script]);
    await execa(file!, args, { env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` }, timeout: COMMAND_TIMEOUT_MS });
  }

  private start(): void {
    this.group.create();
    const nspawn = [
      "systemd-nspawn",
      "--quiet",
      // The computer's systemd, if it has one, is not to know of the host, and its settings are not the host's.
      ...["--register=no", "--keep-unit", "--settings=no", "--link-journal=no", "--resolv-conf=off", "--timezone=off"],
      `--directory=${this.root}`,
      `--machine=${this.record.namespace}`,
      `--hostname=${this.name}`,
      `--network-namespace-path=/run/netns/${this.record.namespace}`,
      // For a firewall of its own.
      "--capability=CAP_NET_ADMIN",
      "--boot",
    ];
    // From its first moment in a group and a namespace of the lab: whoever kills this process here, it is found.
    const script = `${this.group.joining} || exit; while "$@"; [ $? -eq ${REBOOT_CODE} ]; do :; done`;
    const log = fs.openSync(this.console, "a", 0o600);
    try {
      const args = ["-c", script, "sh", ...inNamespace(this.control, nspawn)];
      const child = spawn("/bin/sh", args, { detached: true, stdio: ["ignore", log, log], cwd: "/" });
      const started = child.pid === undefined ? undefined : recordOf(child.pid);
      if (started) writeAtomically(this.processFile, JSON.stringify(started));
      child.unref();
    } finally {
      fs.closeSync(log);
    }
  }

  /** The computer's pid of the host's pid 1, once that is its systemd and not what prepares its start. */
  private init(): number | undefined {
    return this.pids().find((pid) => {
      try {
        const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
        return /^Name:\tsystemd$/m.test(status) && /^NSpid:.*\t1$/m.test(status);
      } catch {
        return false;
      }
    });
  }

  private async acceptsLogins(): Promise<boolean> {
    const units = ["ssh.service", "systemd-user-sessions.service"];
    const script = units.map((unit) => `systemctl --quiet is-active ${unit}`).join(" && ");
    return this.run(["sh", "-c", script]).then(
      () => true,
      () => false,
    );
  }

  private consoleEnd(): string {
    return fs.readFileSync(this.console, "utf8").trimEnd().split("\n").slice(-15).join("\n");
  }
}
