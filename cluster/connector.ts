import net from "node:net";
import tls from "node:tls";
import { AbstractConnector, type RedisOptions } from "ioredis";

/**
 * Opens the sockets of ioredis. Its own connector listens for one error of a socket alone; a TLS socket may have a second one, such as
 * an alert of the server's after the handshake was given up, and an error that nobody listens for ends the process.
 */
export class Connector extends AbstractConnector {
  private readonly options: RedisOptions;

  /** @param options ioredis's own type for it is unknown */
  constructor(options: unknown) {
    const own = options as RedisOptions;
    super(own.disconnectTimeout ?? 2000);
    this.options = own;
  }

  override connect(): Promise<net.Socket> {
    const { host, port, tls: secure } = this.options;
    const where = { host: host ?? "localhost", port: port ?? 6379 };
    this.connecting = true;
    const stream = secure ? tls.connect({ ...where, ...secure }) : net.connect(where);
    stream.once("error", (error: Error) => (this.firstError = error));
    stream.on("error", () => undefined);
    this.stream = stream;
    return Promise.resolve(stream);
  }
}
