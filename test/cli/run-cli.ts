import { fileURLToPath } from "node:url";
import { passwordVariables } from "../../cli/client-options.ts";
import { type ClientLogins, clientUsers } from "../../secrets/logins.ts";
import { execa, type Options } from "execa";

const bin = fileURLToPath(new URL("../../cli/bin.mjs", import.meta.url));

/** Where the printed module finds the passwords of a cluster's users, and what clients show. */
export const passwordsFor = ({ logins: { passwords, tls } }: { logins: ClientLogins }): Record<string, string> => ({
  ...Object.fromEntries(clientUsers.map((user) => [passwordVariables[user], passwords[user]])),
  ...(tls?.key ? { REDIS_CLIENT_CERTIFICATE: tls.certificate ?? "", REDIS_CLIENT_KEY: tls.key } : {}),
});

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

/** Runs a line of bash in which `redis-ha`, and `npx redis-ha`, are that program. */
export async function bash(cwd: string, line: string): Promise<Ran> {
  const program = `"${process.execPath}" "${bin}"`;
  const script = `set -o pipefail; redis-ha() { ${program} "$@"; }; npx() { shift; ${program} "$@"; }; ${line}`;
  const { exitCode, stdout, stderr } = await execa("bash", ["-c", script], { cwd, reject: false });
  return { code: exitCode, stdout, stderr };
}
