import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { describe } from "vitest";
import { withLock } from "../../tools/setup/lock.mjs";
import { cacheFolder } from "../../tools/setup/places.mjs";

/** The newest line of ansible-core that runs on Python 3.11, which Debian 12 has, and on 3.13, which Debian 13 has. */
const version = "2.19.14";

const folder = path.join(cacheFolder(process.env), `ansible-${version}`);
/** Written last: where it stands, the rest is complete. */
const configuration = path.join(folder, "ansible.cfg");
const why = await whyNone();
if (why !== undefined) console.warn(`SKIPPED, Ansible itself is not tested: ${why}`);

/** Tests that need ansible-core; skipped, with a word why, where it cannot be had. Fetches it, once. */
export const hasAnsible = why === undefined;
export const describeWithAnsible = describe.skipIf(!hasAnsible);

/** One of Ansible's programs, and what it is run with so that the user's own configuration of it plays no part. */
export const ansibleProgram = (name: "ansible" | "ansible-inventory"): string => path.join(folder, "bin", name);
export const ansibleOptions = (env: Readonly<Record<string, string>>) => ({
  cwd: folder,
  env: { ANSIBLE_CONFIG: configuration, ANSIBLE_HOME: path.join(folder, "home"), ...env },
  reject: false as const,
  timeout: 60_000,
});

/** Runs one of them. Its warnings appear on stderr. */
export async function ansible(
  name: "ansible" | "ansible-inventory",
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | undefined; stdout: string; stderr: string }> {
  const { exitCode, stdout, stderr } = await execa(ansibleProgram(name), args, ansibleOptions(env));
  return { code: exitCode, stdout, stderr };
}

async function whyNone(): Promise<string | undefined> {
  return withLock(path.join(cacheFolder(process.env), "locks", `ansible-${version}`), async () => {
    if (fs.existsSync(configuration)) return undefined;
    fs.rmSync(folder, { recursive: true, force: true });
    const pip = path.join(folder, "bin", "pip");
    const steps: [string, string[]][] = [
      ["python3", ["-m", "venv", folder]],
      [pip, ["install", "--quiet", "--disable-pip-version-check", "--no-input", `ansible-core==${version}`]],
    ];
    for (const [program, args] of steps) {
      const { failed, stderr, timedOut } = await execa(program, args, { reject: false, timeout: 300_000 });
      const said = timedOut ? "no end within 300 s" : stderr?.trim().split("\n").at(-1);
      if (failed) return `${[program, ...args].join(" ")}: ${said || "cannot be run"}`;
    }
    fs.writeFileSync(configuration, "[defaults]\n");
    return undefined;
  });
}
