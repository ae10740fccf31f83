import { createHash } from "node:crypto";
import fs from "node:fs";
import { HOST_PROGRAM } from "../topology/host-places.ts";
import { programFile } from "../agent/program.ts";
import { APT, explainApt } from "../agent/roles/apt.ts";
import type { Answer, Ssh } from "./ssh.ts";

/** Packages are fetched meanwhile. */
const PREPARE_TIMEOUT_MS = 600_000;
/** A restart that waits for a full copy, and two others before it that have the lock. */
const STEP_TIMEOUT_MS = 600_000;
const ASK_TIMEOUT_MS = 30_000;

/** What must be there before our own program can run. Prints one line, `key=value` pairs. */
const LOOK = `. /etc/os-release; echo "id=$ID version=$VERSION_ID root=$(id -u) sudo=$(sudo -n true 2>/dev/null && echo yes || echo no) node=$(/usr/bin/node --version 2>/dev/null) program=$(sha256sum ${HOST_PROGRAM} 2>/dev/null | cut -d' ' -f1) free=$(df --output=avail -k /var | tail -1)"`;

/** Releases that are tested; on others the packages have other names, or systemd lacks what the units need. */
const SUPPORTED = ["12", "13"];
/** Packages, program and an empty cluster need about this much, in KiB. */
const LEAST_FREE = 500 * 1024;

/** What Debian 12 has had since February 2024; the program is built for it. */
const LEAST_NODE = "v18.19.0";
const isOlder = (version: string, least: string): boolean => version.localeCompare(least, "en", { numeric: true }) < 0;

/** A host on which the agent's program is run as root, over ssh. */
export class RemoteHost {
  private sudo = "";

  constructor(
    private readonly node: string,
    private readonly ssh: Ssh,
    private readonly onLine: (line: string) => void,
  ) {}

  /**
   * Brings what our program needs, and the program itself, in this version.
   * @param space whether there must be room for a node @default true
   * @throws with what is wrong with the host, and what to do
   */
  async prepare({ space = true } = {}): Promise<void> {
    const facts = await this.look();
    if (facts["id"] !== "debian" || !SUPPORTED.includes(facts["version"] ?? "")) {
      throw new Error(
        `${this.node}: ${this.ssh.name} runs ${facts["id"]} ${facts["version"]}; Debian 13 is supported, and Debian 12 works. Nothing was changed`,
      );
    }
    if (facts["root"] !== "0" && facts["sudo"] !== "yes") {
      throw new Error(
        `${this.node}: ${this.ssh.name} has no sudo without a password, and is not root. Nothing was changed. Give it one ` +
          `(a file in /etc/sudoers.d: "<user> ALL=(ALL) NOPASSWD: ALL"), or name another user in target.user`,
      );
    }
    this.sudo = facts["root"] === "0" ? "" : "sudo -n ";
    if (space && Number(facts["free"]) < LEAST_FREE) {
      throw new Error(
        `${this.node}: ${this.ssh.name} has ${Math.round(Number(facts["free"]) / 1024)} MiB left below /var; ` +
          `${LEAST_FREE / 1024} are needed. Nothing was changed`,
      );
    }
    if (!facts["node"]) await this.installNode();
    else if (isOlder(facts["node"], LEAST_NODE)) {
      throw new Error(
        `${this.node}: ${this.ssh.name} has Node ${facts["node"]}, and ${LEAST_NODE} or later is needed. Nothing was changed. ` +
          `Upgrade the package nodejs there: apt-get update && apt-get install nodejs`,
      );
    }
    const program = fs.readFileSync(programFile());
    const hash = createHash("sha256").update(program).digest("hex");
    if (hash === facts["program"]) return;
    // A connection that breaks looks like the end of the file to whoever reads it.
    const script =
      `umask 022; new=${HOST_PROGRAM}.new; mkdir -p ${HOST_PROGRAM.replace(/\/[^/]*$/, "")} && cat > $new && ` +
      `echo "${hash}  $new" | sha256sum --check --status && sync $new && mv $new ${HOST_PROGRAM}`;
    const sent = await this.ssh.run(`${this.sudo}sh -c '${script}'`, {
      input: program.toString("utf8"),
      timeoutMs: ASK_TIMEOUT_MS,
    });
    this.failUnless(sent, "the program could not be written");
  }

  /** Runs a step of the host as root. @returns the lines of its output. @throws when it fails; it has said why */
  async step(verb: string, input: string): Promise<string[]> {
    const answer = await this.ssh.run(`${this.sudo}/usr/bin/node ${HOST_PROGRAM} host ${verb}`, {
      input,
      onLine: this.onLine,
      timeoutMs: STEP_TIMEOUT_MS,
    });
    if (answer.code !== 0) throw new Error(`${this.node}: ${verb} failed on ${this.ssh.name}; see above`);
    return answer.stdout.split("\n").filter((line) => line !== "");
  }

  private async look(): Promise<Record<string, string>> {
    const answer = await this.ssh.run(LOOK, { timeoutMs: ASK_TIMEOUT_MS });
    this.failUnless(answer, "it could not be looked at");
    const words = answer.stdout.trim().split("\n").at(-1)?.split(" ") ?? [];
    return Object.fromEntries(words.map((word) => [word.split("=")[0] ?? "", word.split("=")[1] ?? ""]));
  }

  private async installNode(): Promise<void> {
    this.onLine(`${this.node}: installing nodejs`);
    // A source that has nothing to do with it may be down.
    const script = `${APT.join(" ")} update; dpkg --configure -a; ${APT.join(" ")} --no-install-recommends install nodejs`;
    const answer = await this.ssh.run(`${this.sudo}sh -c '${script}' 2>&1`, { timeoutMs: PREPARE_TIMEOUT_MS });
    this.failUnless({ ...answer, stdout: explainApt(answer.stdout) }, "nodejs could not be installed");
  }

  private failUnless({ code, stdout, stderr }: Answer, what: string): void {
    if (code === 0) return;
    const last = `${stdout}\n${stderr}`.trim().split("\n").slice(-5).join("\n");
    throw new Error(`${this.node}: ${this.ssh.name}: ${what}:\n${last}`);
  }
}
