import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import type { ServerStatus } from "./control.ts";
import type { NodeFolder } from "./node-folder.ts";
import { speakAsAgent } from "./secrets.ts";
import { EndedAtOnce, type Server, type ServerName, serverNames } from "./server.ts";
import { rollBack } from "./stage.ts";
import { serverOf } from "./systemd/server-of.ts";

/** Pause before a server that keeps ending is started again: doubled each time, reset when it has run for a while. */
const BACKOFF_MS = { first: 100, most: 5000, resetAfter: 10_000 };

/** A server that the agent looks after, and what it knows of it beside its record. */
export interface Supervised {
  server: Server;
  /** Asked to stay stopped. */
  stopped: boolean;
  error: string | null;
  backoffMs: number;
  startedAt: number;
  retryAt: number;
  /** It ran, and nobody has told it to end: when it is gone, it has crashed. */
  expected: boolean;
  /** To be done before it starts the next time. */
  beforeStart?: (() => void) | undefined;
}

/** The servers of a node: which there are, and how they are started and stopped. */
export class SupervisedServers {
  private known = new Map<ServerName, Supervised>();
  private rolledBack: string | undefined;

  /**
   * @param told.ended when a process ends that was started here
   * @param told.rolledBack when the previous configuration is back, before anything else is done
   */
  constructor(
    private readonly folder: NodeFolder,
    private readonly log: (message: string) => void,
    private readonly told: { readonly ended: () => void; readonly rolledBack: () => Promise<void> },
  ) {}

  /** Takes what this spec lists; keeps what is known of servers that it still lists. */
  async adopt(spec: NodeSpec): Promise<void> {
    speakAsAgent(allNodes(spec), this.folder);
    const before = this.known;
    this.known = new Map();
    for (const name of serverNames(spec.node)) {
      const server = serverOf(name, spec, this.folder, this.log);
      const found = before.has(name) ? undefined : await server.find();
      if (found) this.log(`${name}: adopted (pid ${found.pid})`);
      // How long a server that is adopted has been answering is not known: it counts from now.
      const fresh = {
        stopped: false,
        error: null,
        backoffMs: BACKOFF_MS.first,
        startedAt: performance.now(),
        retryAt: 0,
      };
      this.known.set(name, { expected: false, ...(before.get(name) ?? fresh), server });
    }
  }

  get(name: ServerName): Supervised | undefined {
    return this.known.get(name);
  }

  all(): Supervised[] {
    return [...this.known.values()];
  }

  status(): Partial<Record<ServerName, ServerStatus>> {
    const status = ({ server, error }: Supervised): ServerStatus => ({ pid: server.running()?.pid ?? null, error });
    return Object.fromEntries([...this.known].map(([name, each]) => [name, status(each)]));
  }

  /** That a server runs with its previous configuration, and why: told once. */
  takeRolledBack(): string | undefined {
    const { rolledBack } = this;
    this.rolledBack = undefined;
    return rolledBack;
  }

  /** It runs: the next pause is a short one, once it has done so for a while. */
  runs(supervised: Supervised): void {
    supervised.expected = true;
    supervised.error = null;
    if (performance.now() - supervised.startedAt > BACKOFF_MS.resetAfter) supervised.backoffMs = BACKOFF_MS.first;
  }

  /** Never throws: what is in the way stands in `error`. */
  async start(supervised: Supervised): Promise<void> {
    const { server } = supervised;
    try {
      if (!(await server.find())) {
        server.endLeftovers();
        await this.startOrRollBack(supervised);
      }
      supervised.error = null;
    } catch (error) {
      const message = (error as Error).message;
      if (message !== supervised.error) this.log(`${server.name}: ${message}`);
      supervised.error = message;
    }
    supervised.startedAt = performance.now();
    supervised.retryAt = performance.now() + supervised.backoffMs;
    supervised.backoffMs = Math.min(supervised.backoffMs * 2, BACKOFF_MS.most);
  }

  private async startOrRollBack(supervised: Supervised): Promise<void> {
    const { server } = supervised;
    const onExit = (): void => this.ended(supervised);
    try {
      await server.start(onExit);
    } catch (error) {
      if (!(error instanceof EndedAtOnce) || !rollBack(this.folder, server.name)) throw error;
      const why = `${server.name} does not start with its new configuration, so the previous one is back. ${error.message}`;
      this.log(why);
      await server.start(onExit);
      this.rolledBack = why;
      await this.told.rolledBack();
    }
  }

  ended(supervised: Supervised): void {
    if (!supervised.stopped) this.log(`${supervised.server.name}: ended`);
    this.told.ended();
  }

  /** Stops a server for `work`, which starts it again. */
  async stoppedWhile(supervised: Supervised, work: () => Promise<void>): Promise<void> {
    supervised.stopped = true;
    supervised.expected = false;
    try {
      await work();
    } finally {
      supervised.stopped = false;
    }
  }
}
