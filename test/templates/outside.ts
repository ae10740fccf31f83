import { connect } from "node:net";
import { networkInterfaces } from "node:os";

/** An address of this computer that is not loopback. */
export const outsideAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry?.family === "IPv4" && !entry.internal)?.address;

export const noOutside = " (SKIPPED: this computer has no address but loopback)";

/** Connects and closes; rejects with the system's error within 2 s when nobody listens there. */
export function reach(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 2000 }, () => {
      socket.destroy();
      resolve();
    });
    socket.once("timeout", () => socket.destroy(new Error(`no answer from ${host}:${port} within 2 s`)));
    socket.once("error", reject);
  });
}
