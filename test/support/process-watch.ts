import fs from "node:fs";
import path from "node:path";
import type { KnownSecrets } from "./known-secrets.ts";

/** Shorter than any program takes to do something for the project. */
const EVERY_MS = 20;
/** What has just been started turns into another program. What is older is looked at again less often: each look costs. */
const YOUNG_MS = 500;
const OLD_EVERY_MS = 1000;

interface Seen {
  readonly program: string;
  readonly what: "arguments" | "environment";
  readonly text: string;
}

/**
 * Looks at all processes again and again, at those of hosts in containers as well: what stands in their arguments and their
 * environment. It knows no secret, so what becomes one later is found, too.
 */
export class ProcessWatch {
  private readonly seen = new Map<string, Seen>();
  private processes = new Map<string, { line: string; since: number; lookedAt: number }>();
  private readonly timer = setInterval(() => this.look(), EVERY_MS);

  stop(): void {
    clearInterval(this.timer);
  }

  /** The programs that were seen, by their file's name. */
  get programs(): string[] {
    return [...new Set([...this.seen.values()].map(({ program }) => program))];
  }

  /** `environment of redis-cli: users/app` */
  leaks(secrets: KnownSecrets): string[] {
    const found = [...this.seen.values()].flatMap(({ program, what, text }) =>
      // It can be told a password nowhere else, and only its user and root can read that.
      what === "environment" && /^(redis|valkey)-cli$/.test(program)
        ? []
        : secrets.in(text).map((name) => `${what} of ${program}: ${name}`),
    );
    return [...new Set(found)];
  }

  private look(): void {
    const now = performance.now();
    const present: typeof this.processes = new Map();
    for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      const known = this.processes.get(pid);
      if (known && now - known.since > YOUNG_MS && now - known.lookedAt < OLD_EVERY_MS) {
        present.set(pid, known);
        continue;
      }
      const line = read(`/proc/${pid}/cmdline`);
      const since = known?.line === line ? known.since : now;
      present.set(pid, { line, since, lookedAt: now });
      // Each program that a process turns into has other arguments.
      if (line === "" || known?.line === line) continue;
      const program = path.basename(line.split(/[\0 ]/)[0] ?? "");
      for (const [what, text] of [
        ["arguments", line],
        ["environment", read(`/proc/${pid}/environ`)],
      ] as const)
        this.seen.set(`${program} ${what} ${text}`, { program, what, text });
    }
    this.processes = present;
  }
}

/** Empty for one that is gone. */
function read(file: string): string {
  try {
    return fs.readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
