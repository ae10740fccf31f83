import net from "node:net";
import type { RaisedEpoch } from "./handover/epoch.ts";
import type { ServerName } from "./server.ts";

/** What a command may ask of the resident agent of a node. One JSON line there, one JSON line back. */
export type Request =
  | { do: "status" }
  /** Start what does not run, with the spec that is on disk now. */
  | { do: "ensure" }
  /** Stop and start one server, through its prestart step. */
  | { do: "restart"; server: ServerName }
  /** Stop and start the Sentinel with this master and epoch, see handover/epoch.ts. */
  | ({ do: "raise-epoch" } & RaisedEpoch)
  /** The prestart step of a server that systemd is about to start. */
  | { do: "prepare"; server: ServerName }
  /** Stop one server and leave it stopped. */
  | { do: "stop"; server: ServerName }
  /** End the agent. The servers run on, and the next agent adopts them. */
  | { do: "leave" };

export interface ServerStatus {
  readonly pid: number | null;
  /** Why it does not run, or null. */
  readonly error: string | null;
}

export interface Response {
  /** The request could not be carried out; the text says why and what to do. */
  readonly error?: string;
  /** A server did not start with its new configuration and runs with the previous one again: its own words. */
  readonly rolledBack?: string;
  readonly pid: number;
  /** Hash of the program that the agent runs. */
  readonly program: string;
  readonly servers: Readonly<Partial<Record<ServerName, ServerStatus>>>;
}

/** The agent does not run: nobody listens on its socket. */
export class NoAgent extends Error {
  override name = "NoAgent";
}

/**
 * @param timeoutMs bound on the whole exchange; a restart includes the server's saving and loading of its data
 * @throws NoAgent when none runs; Error when it does not answer in time
 */
export function askAgent(socketPath: string, request: Request, timeoutMs = 90_000): Promise<Response> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    let text = "";
    const timer = setTimeout(() => {
      socket.destroy(new Error(`the agent at ${socketPath} did not answer within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    socket.setEncoding("utf8");
    socket.once("connect", () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (!text.includes("\n")) return;
      socket.end();
      try {
        resolve(JSON.parse(text) as Response);
      } catch {
        reject(new Error(`the agent at ${socketPath} answered with something else than JSON: ${text.slice(0, 200)}`));
      }
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      // A process that was killed is not quite gone while one of its threads is not, and lets nobody in any more.
      const dying = error.code === "ECONNRESET" && error.syscall === "connect";
      reject(
        dying || ["ENOENT", "ECONNREFUSED"].includes(error.code ?? "")
          ? new NoAgent(`no agent at ${socketPath}`)
          : error,
      );
    });
    socket.once("close", () => {
      clearTimeout(timer);
      reject(new Error(`the agent at ${socketPath} ended while it was asked`));
    });
  });
}

/** Listens for requests, and answers each with what `handle` returns. The socket is the user's own (mode 0600). */
export async function serve(socketPath: string, handle: (request: Request) => Promise<Response>): Promise<net.Server> {
  const server = net.createServer((socket) => {
    let text = "";
    socket.setEncoding("utf8");
    // A client that goes away early is no concern of ours.
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (!text.includes("\n")) return;
      const line = text;
      text = "";
      void Promise.resolve()
        .then(() => handle(JSON.parse(line) as Request))
        .then(
          (response) => socket.end(`${JSON.stringify(response)}\n`),
          () => socket.destroy(),
        );
    });
  });
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socketPath, resolve);
    });
  } finally {
    process.umask(before);
  }
  return server;
}
