// @ts-check
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "node:timers";

const linesKept = 40;
const politeMs = 3000;
const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

/** Thrown when the user, or whoever started set-up, asked it to end. */
export class Interrupted extends Error {
  /** @param {NodeJS.Signals} signal */
  constructor(signal) {
    super(`ended by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Runs one long command to its end, saying what it does and how long it takes. What it prints is shown only when it
 * fails.
 *
 * @param {object} step
 * @param {string} step.title as "Installing npm packages"
 * @param {string} step.about how long, as "about 1 minute"
 * @param {string} step.command
 * @param {string[]} step.args
 * @param {string} step.cwd
 * @param {NodeJS.ProcessEnv} step.env
 * @param {boolean} [step.finish] whether it must not be stopped half-way: a signal waits for its end
 * @param {(pid: number) => void} [step.onStart]
 * @returns {Promise<void>}
 * @throws {Interrupted} after the command has ended
 * @throws {Error} when it fails, with the end of what it printed
 */
export async function runStep(step) {
  const { title, command, args, cwd, env, finish = false } = step;
  /** @type {NodeJS.Signals | null} */
  let signal = null;
  /** @type {NodeJS.Timeout | undefined} */
  let killer;
  /** @type {(received: NodeJS.Signals) => void} */
  const onSignal = (received) => {
    if (finish && !signal) say("Waiting for it to end: stopped half-way it would leave the system's packages broken.");
    signal = received;
    if (finish) return;
    child.kill("SIGINT");
    // npm may go on to the end of its download first; the next run repairs what a kill leaves.
    killer ??= setTimeout(() => child.kill("SIGKILL"), politeMs);
  };
  // Before the command is started, so that no signal ends set-up and leaves it behind.
  for (const it of signals) process.on(it, onSignal);
  // In a session of its own, a command that must finish hears neither Ctrl-C nor the closing of the terminal.
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: finish });
  const clock = startClock(title, step.about);
  try {
    if (child.pid) step.onStart?.(child.pid);
    const { failure, output } = await endOf(child);
    clock.stop(failure === null && !signal);
    if (signal) throw new Interrupted(signal);
    if (failure) throw new Error([`${command} ${args[0] ?? ""} ${failure}. Its last lines:`, ...output].join("\n  "));
  } finally {
    clearTimeout(killer);
    for (const it of signals) process.off(it, onSignal);
  }
}

/** @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * @param {import("node:child_process").ChildProcessByStdio<null, import("node:stream").Readable, import("node:stream").Readable>} child
 * @returns {Promise<{ failure: string | null, output: string[] }>}
 */
function endOf(child) {
  let text = "";
  /** @param {Buffer} chunk */
  const keep = (chunk) => {
    text = (text + chunk.toString())
      .split("\n")
      .slice(-linesKept - 1)
      .join("\n");
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ failure: `could not be started (${error.message})`, output: [] }));
    child.on("close", (code, signal) => {
      const failure = code === 0 ? null : code === null ? `was ended by ${signal}` : `failed with exit code ${code}`;
      resolve({ failure, output: text.split("\n").filter((line) => line.trim() !== "") });
    });
  });
}

/**
 * On a terminal one line that counts; elsewhere a line at the start, one a minute, and one at the end.
 *
 * @param {string} title
 * @param {string} about
 */
function startClock(title, about) {
  const start = Date.now();
  const terminal = process.stderr.isTTY;
  const line = `${title} (once, ${about})`;
  const show = () => process.stderr.write(`\r\x1b[K${line} … ${elapsed(start)}`);
  if (terminal) show();
  else say(line);
  const timer = setInterval(terminal ? show : () => say(`  … ${elapsed(start)}`), terminal ? 1000 : 60_000);
  return {
    /** @param {boolean} done */
    stop(done) {
      clearInterval(timer);
      const end = `${done ? "done" : "stopped"} after ${elapsed(start)}`;
      if (terminal) process.stderr.write(`\r\x1b[K${line}: ${end}\n`);
      else say(`  ${end}`);
    },
  };
}

/** @param {number} start in milliseconds since 1970 */
function elapsed(start) {
  const seconds = Math.round((Date.now() - start) / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
