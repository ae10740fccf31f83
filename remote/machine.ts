import { setTimeout as delay } from "node:timers/promises";
import { type Ssh, TimedOut } from "./ssh.ts";
import { NoWay, Unreached } from "./unreached.ts";

/** A machine boots, takes its operators' keys and says its own within a minute or two, with Amazon's agent three. */
const BOOT_TIMEOUT_MS = 600_000;
const LOOK_MS = 3000;
const TOLD_EVERY_MS = 15_000;
const ASK_TIMEOUT_MS = 30_000;

/**
 * Waits until a machine that was just made lets us in.
 * @throws when it does not in time, with what ssh said last; at once where ssh has no way there
 */
export async function untilLetIn(node: string, ssh: Ssh, report: (line: string) => void): Promise<void> {
  const started = performance.now();
  let told = started;
  for (;;) {
    let last: string;
    try {
      await ssh.run("true", { timeoutMs: ASK_TIMEOUT_MS });
      return;
    } catch (error) {
      if (error instanceof NoWay || !(error instanceof Unreached || error instanceof TimedOut)) throw error;
      last = error.message;
    }
    const now = performance.now();
    if (now - started > BOOT_TIMEOUT_MS) {
      throw new Error(
        `${node}: its machine has not let us in for ${BOOT_TIMEOUT_MS / 60_000} minutes: ${last} What it says itself while it boots ` +
          `is in its console (aws ec2 get-console-output --latest)`,
      );
    }
    if (now - told > TOLD_EVERY_MS) {
      told = now;
      report(`${node}: waiting for its machine, ${Math.round((now - started) / 1000)} s so far: ${last}`);
    }
    await delay(LOOK_MS);
  }
}
