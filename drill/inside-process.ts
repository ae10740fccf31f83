import { type ChildProcess, spawn } from "node:child_process";
import type { Answer, Question, Steps } from "./inside.ts";
import type { Namespaces, Where } from "./namespaces.ts";

/** Longest step: looking for 10 000 and more keys of a writer. */
const ANSWER_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 5000;

/** A child process in a namespace that asks the nodes, or writes to them, for a process outside. */
export class InsideProcess {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, (answer: Omit<Answer, "id">) => void>();
  private readonly ended: Promise<void>;
  private asked = 0;

  /**
   * @param namespaces how a command runs in there
   * @param program path of redis-ha.cjs
   */
  constructor(namespaces: Pick<Namespaces, "command">, where: Where, program: string) {
    const { file, args } = namespaces.command(where, process.execPath, [program, "inside"]);
    this.child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.child.on("message", ({ id, ...answer }: Answer) => this.settle(id, answer));
    this.ended = new Promise((resolve) => {
      const end = (why: string): void => {
        for (const id of [...this.waiting.keys()]) this.settle(id, { error: why });
        resolve();
      };
      this.child.once("exit", (code, signal) => end(`ended with ${signal ?? code}`));
      this.child.once("error", (error) => end(error.message));
    });
  }

  /** @throws what the step throws, or that the process ended or gave no answer in time */
  ask<K extends keyof Steps>(step: K, ...args: Parameters<Steps[K]>): Promise<Awaited<ReturnType<Steps[K]>>> {
    const question: Question = { id: this.asked++, step, args };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.settle(question.id, { error: `no answer within ${ANSWER_TIMEOUT_MS / 1000} s` }),
        ANSWER_TIMEOUT_MS,
      );
      this.waiting.set(question.id, ({ value, error }) => {
        clearTimeout(timer);
        if (error === undefined) resolve(value as Awaited<ReturnType<Steps[K]>>);
        else reject(new Error(`${step} in the namespace: ${error}`));
      });
      if (this.child.connected) this.child.send(question);
      else this.settle(question.id, { error: "the process has ended" });
    });
  }

  /** Ends the process; it goes when its parent hangs up. */
  async end(): Promise<void> {
    if (this.child.connected) this.child.disconnect();
    const timer = setTimeout(() => this.child.kill("SIGKILL"), END_TIMEOUT_MS);
    await this.ended;
    clearTimeout(timer);
  }

  private settle(id: number, answer: Omit<Answer, "id">): void {
    const settle = this.waiting.get(id);
    this.waiting.delete(id);
    settle?.(answer);
  }
}
