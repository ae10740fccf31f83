import { connect } from "node:net";
import { networkInterfaces } from "node:os";

/** An address of this computer that is not loopback. */
export const outsideAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry?.family === "IPv4" && !entry.internal)?.address;

export const noOutside = " (SKIPPED: this computer has no address but loopback)";

/** What a server says to a client by itself, up to the end of the connection or 2 s: nothing when it serves the client. */
export function greeting(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const socket = connect({ host, port, timeout: 2000 });
    socket.on("data", (data) => (said += data.toString()));
    socket.once("timeout", () => socket.destroy());
    socket.once("close", () => resolve(said));
    socket.once("error", reject);
  });
}
