import path from "node:path";
import { readIfThere, writeAtomically } from "../node-folder.ts";
import { waitFor } from "../processes.ts";
import { EndedAtOnce, type Prepared, Server, type ServerRecord, startArguments } from "../server.ts";

/** systemd waits 0.1 s, the hook of the prestart step is a Node program, and a server that loads answers at once. */
const START_TIMEOUT_MS = 15_000;

/**
 * A server that systemd starts, and starts again whenever it ends. It asks for the prestart step each time, which leaves
 * what the server is to be started with in a file.
 */
export class SystemdServer extends Server {
  /** Starts since somebody waits for one: a second means that the first has failed. */
  private attempts = 0;
  /** Why the prestart step did not let it start. */
  private refusal: Error | undefined;

  /**
   * Waits until systemd has started it.
   * @throws EndedAtOnce when it ended right after its start; what its prestart step says when it must not start now
   */
  override start(): Promise<ServerRecord> {
    this.attempts = 0;
    this.refusal = undefined;
    return waitFor(
      `systemd has started ${this.title()}, and it answers`,
      async () => {
        if (this.refusal) throw this.refusal;
        if (this.attempts > 1) throw new EndedAtOnce(this.endedAtOnce());
        const record = await this.find();
        return record && (await this.info()) ? record : undefined;
      },
      START_TIMEOUT_MS,
      20,
    );
  }

  override async prepare(): Promise<Prepared> {
    let prepared: Prepared;
    try {
      prepared = await super.prepare();
    } catch (error) {
      this.refusal = error as Error;
      throw error;
    }
    this.refusal = undefined;
    this.attempts++;
    writeAtomically(this.preparedFile, JSON.stringify(prepared));
    const lines = startArguments(prepared)
      .join(" ")
      .replaceAll(/(^| )--/g, "\n")
      .trim();
    writeAtomically(path.join(this.folder.run, `${this.name}.start.conf`), `${lines}\n`);
    return prepared;
  }

  protected override lastPrepared(): Prepared {
    const text = readIfThere(this.preparedFile);
    return text === undefined ? super.lastPrepared() : (JSON.parse(text) as Prepared);
  }

  private get preparedFile(): string {
    return path.join(this.folder.run, `${this.name}.prepared.json`);
  }
}
