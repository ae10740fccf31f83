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
  /** Prestart steps since somebody waits for the start: a second one means that the first start has failed. */
  attempts = 0;

  /**
   * Waits until systemd has started it.
   * @throws EndedAtOnce when it ended right after its start
   */
  override start(): Promise<ServerRecord> {
    this.attempts = 0;
    return waitFor(
      `systemd has started ${this.title()}, and it answers`,
      async () => {
        if (this.attempts > 1) throw new EndedAtOnce(this.endedAtOnce());
        const record = await this.find();
        return record && (await this.info()) ? record : undefined;
      },
      START_TIMEOUT_MS,
      20,
    );
  }

  override async prepare(): Promise<Prepared> {
    this.attempts++;
    const prepared = await super.prepare();
    writeAtomically(this.preparedFile, JSON.stringify(prepared));
    writeAtomically(
      path.join(this.folder.run, `${this.name}.start`),
      `REDIS_HA_START=${startArguments(prepared).join(" ")}\n`,
    );
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
