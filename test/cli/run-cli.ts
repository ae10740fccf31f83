import { fileURLToPath } from "node:url";
import { execa, type Options } from "execa";

const bin = fileURLToPath(new URL("../../cli/bin.mjs", import.meta.url));

export interface Ran {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `redis-ha` as a user does, in a process of its own. */
export async function redisHa(cwd: string, args: readonly string[], env: Options["env"] = {}): Promise<Ran> {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [bin, ...args], { cwd, env, reject: false });
  return { code: exitCode, stdout, stderr };
}

/** Runs a line of bash in which `redis-ha` is that program. */
export async function bash(cwd: string, line: string): Promise<Ran> {
  const script = `set -o pipefail; redis-ha() { "${process.execPath}" "${bin}" "$@"; }; ${line}`;
  const { exitCode, stdout, stderr } = await execa("bash", ["-c", script], { cwd, reject: false });
  return { code: exitCode, stdout, stderr };
}
