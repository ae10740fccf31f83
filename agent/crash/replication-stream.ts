import net from "node:net";
import tls from "node:tls";
import { accessTo } from "../../cluster/access.ts";
import type { Endpoint } from "../../cluster/connection.ts";

/** More than the first line of an answer ever has. */
const REPLY_BYTES = 200;

/**
 * Reads a part of a server's replication stream out of its backlog, as a replica would that has missed it.
 * @param after offset of the last byte that is known
 * @param length bytes to read
 * @throws when the server does not have that part any more, or does not answer in time
 */
export function readStream(
  endpoint: Endpoint,
  replicationId: string,
  after: number,
  length: number,
  timeoutMs: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const access = accessTo(endpoint);
    const where = { host: endpoint.address, port: endpoint.port };
    const socket = access.tls ? tls.connect({ ...where, ...access.tls }) : net.connect(where);
    // One after the other: a server takes no PSYNC while it has something else to answer.
    const requests = [
      ...(access.password === undefined ? [] : [["AUTH", access.username ?? "default", access.password]]),
      ["PSYNC", replicationId, String(after + 1)],
    ];
    const expected = requests.map(([name]) => (name === "AUTH" ? "+OK" : "+CONTINUE"));
    const ask = (): void => {
      const request = requests.shift();
      if (request) socket.write(asRequest(request));
    };
    const chunks: Buffer[] = [];
    let received = 0;
    let reply: Buffer | undefined = Buffer.alloc(0);
    const end = (error?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      if (error) reject(error);
      else resolve(Buffer.concat(chunks).subarray(0, length));
    };
    const timer = setTimeout(() => end(new Error(`no replication stream within ${timeoutMs} ms`)), timeoutMs);
    socket.setNoDelay(true);
    socket.on("error", (error: Error) => end(error));
    socket.on("close", () => end(new Error("the replication stream was closed")));
    socket.on(access.tls ? "secureConnect" : "connect", ask);
    socket.on("data", (chunk: Buffer) => {
      let data = chunk;
      if (reply) {
        reply = Buffer.concat([reply, chunk]);
        while (expected.length > 0) {
          const line = /^[^\r\n]*\r\n/.exec(reply.toString("latin1", 0, REPLY_BYTES))?.[0];
          if (line === undefined) return;
          if (!line.startsWith(expected.shift() ?? "")) return end(new Error(`no partial copy: ${line.trim()}`));
          reply = reply.subarray(line.length);
          ask();
        }
        data = reply;
        reply = undefined;
      }
      chunks.push(data);
      received += data.length;
      if (received >= length) end();
    });
  });
}

/** As the protocol has it: a password may have any character. */
const asRequest = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
