import net from "node:net";
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
  { address, port }: Endpoint,
  replicationId: string,
  after: number,
  length: number,
  timeoutMs: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: address, port });
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
    socket.on("error", (error) => end(error));
    socket.on("close", () => end(new Error("the replication stream was closed")));
    socket.on("connect", () => {
      socket.write(`PSYNC ${replicationId} ${after + 1}\r\n`);
    });
    socket.on("data", (chunk: Buffer) => {
      let data = chunk;
      if (reply) {
        reply = Buffer.concat([reply, chunk]);
        const line = /^[^\r\n]*\r\n/.exec(reply.toString("latin1", 0, REPLY_BYTES));
        if (!line) return;
        if (!line[0].startsWith("+CONTINUE")) return end(new Error(`no partial copy: ${line[0].trim()}`));
        data = reply.subarray(line[0].length);
        reply = undefined;
      }
      chunks.push(data);
      received += data.length;
      if (received >= length) end();
    });
  });
}
