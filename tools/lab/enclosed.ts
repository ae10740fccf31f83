import { execa } from "execa";

/** debootstrap takes 40 to 90 s; a slow mirror is no failure. */
export const STEP_TIMEOUT_MS = 600_000;

/**
 * Runs a step in namespaces of its own: when it ends, or this process does, even by SIGKILL, all that it started and
 * mounted is gone, and the folder can be removed.
 * @param namespaces options of unshare beside those for processes and mounts
 * @throws when it fails or takes ten minutes, with its last lines
 */
export async function enclosed(
  namespaces: readonly string[],
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", ...namespaces];
  // debootstrap and the scripts of packages expect the programs of root there; their messages are read by people.
  const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const step = await execa("setpriv", ["--pdeathsig", "KILL", ...unshare, ...command], {
    env: { ...env, PATH, LC_ALL: "C" },
    extendEnv: false,
    stdin: "ignore",
    all: true,
    reject: false,
    timeout: STEP_TIMEOUT_MS,
  });
  if (step.exitCode === 0) return;
  const what = command[0] === "sh" ? `apt in ${namespaces[1]}` : command[0];
  const how = step.timedOut ? `took more than ${STEP_TIMEOUT_MS / 60_000} minutes` : `failed (${step.exitCode})`;
  throw new Error(`${what} ${how}. Its last lines:\n  ${step.all.split("\n").slice(-12).join("\n  ")}`);
}
