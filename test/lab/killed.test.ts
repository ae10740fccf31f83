import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import { projectRoot } from "../../agent/node-folder.ts";
import { waitFor } from "../../agent/processes.ts";
import { namespaceExists } from "../../drill/netns.ts";
import { ControlGroup } from "../../tools/lab/control-group.ts";
import { downLab, Lab } from "../../tools/lab/lab.ts";
import { controlOf, labFolder } from "../../tools/lab/records.ts";
import { describeWithHosts, leftOf, processesWith } from "../support/debian-hosts.ts";

const name = "test-killed";
const control = controlOf(labFolder(name));
const program = path.resolve(import.meta.dirname, "../../tools/lab/program.ts");
const nodeArgs = (args: string[]): string[] => ["--import", "tsx", program, ...args];
const lab = (...args: string[]) => execa(process.execPath, nodeArgs([...args, "--name", name]), { reject: false });

/** Starts `up` and kills it as soon as it has come so far. */
async function killUp(so: () => boolean, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const args = nodeArgs(["up", "--hosts", "2", "--name", name]);
  const child: ChildProcess = spawn(process.execPath, args, { stdio: "ignore", env });
  const ended = once(child, "exit");
  try {
    await waitFor("up comes so far", () => so() || undefined, 60_000, 1);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

describeWithHosts("an up that was killed", () => {
  beforeAll(async () => {
    await downLab(name);
  });

  it.each<[string, () => boolean]>([
    ["its record is written", () => fs.existsSync(path.join(labFolder(name), "lab.json"))],
    ["it has its namespaces", () => namespaceExists(`${control}-redis-b`)],
    ["it has a disk", () => fs.existsSync(path.join(labFolder(name), "redis-a/root/etc/hostname"))],
    ["a host boots", () => ControlGroup.names(control).some((group) => new ControlGroup(group).pids().length > 2)],
  ])("when %s is no lab, and down removes it, once", async (_, so) => {
    onTestFinished(async () => {
      await downLab(name);
    });
    await killUp(so);
    expect(leftOf(name)).not.toEqual([]);
    expect(Lab.open(name)).toBeUndefined();
    expect(await lab("status")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`no lab ${name}`) as string,
    });

    expect(await lab("down")).toMatchObject({ exitCode: 0, stdout: `lab ${name} is removed` });
    expect(leftOf(name)).toEqual([]);
    expect(await lab("down")).toMatchObject({ exitCode: 0, stdout: `there is no lab ${name}: nothing to remove` });
  });

  it("ends a step of the build with it, also one that writes nothing", async () => {
    const quiet = ["sleep", "86399"];
    const script = `import { enclosed } from "./tools/lab/enclosed.ts";
      await enclosed(["--mount-proc"], ${JSON.stringify(quiet)}, process.env);`;
    const args = ["--import", "tsx", "--input-type=module", "--eval", script];
    const child = spawn(process.execPath, args, { stdio: "ignore", cwd: projectRoot() });
    const ended = once(child, "exit");
    const runs = (): boolean => processesWith(quiet.join(" ")).some((line) => /^\d+ sleep/.test(line));
    await waitFor("the step runs", () => runs() || undefined, 20_000);
    child.kill("SIGKILL");
    await ended;
    await waitFor("the step ends", () => !runs() || undefined, 2000);
  });

  it("ends the build of the image with it; the next one begins anew", async () => {
    const cache = fs.mkdtempSync(path.join(tmpdir(), "redis-ha-lab-"));
    onTestFinished(() => fs.rmSync(cache, { recursive: true, force: true }));
    const folder = path.join(cache, "cdktf-redis-ha", "lab");
    const made = (): string[] => (fs.existsSync(folder) ? fs.readdirSync(folder) : []);
    const env = { ...process.env, XDG_CACHE_HOME: cache };
    const fetches = (it: string): boolean => fs.existsSync(path.join(folder, it, "bare/debootstrap/debootstrap.log"));

    await killUp(() => made().some(fetches), env);
    await waitFor("debootstrap ends", () => processesWith(folder).length === 0 || undefined, 5000);
    const [first, ...others] = made();
    expect([first, others]).toEqual([expect.stringMatching(/^\.building-trixie-/), []]);

    await killUp(() => made().some((it) => it !== first && fetches(it)), env);
    expect(made()).not.toContain(first);
    await waitFor("debootstrap ends", () => processesWith(folder).length === 0 || undefined, 5000);
  });
});
