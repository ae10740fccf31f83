import { once } from "node:events";
import { duplexPair } from "node:stream";
import tls from "node:tls";
import type { TlsSet } from "../topology/node-secrets.ts";

/** What Debian's OpenSSL asks of keys and signatures. */
const CIPHERS = "DEFAULT@SECLEVEL=2";
const TIMEOUT_MS = 5000;

/**
 * Lets a server and a client that both have these files meet in memory, as two nodes do: OpenSSL knows more reasons to refuse a
 * certificate than can be named here.
 * @param shown what the server has, where these are a client's alone @default - the same
 * @returns what it says against them, each as a sentence; names are not compared
 */
export async function handshakeProblems(set: TlsSet, shown: TlsSet = set): Promise<string[]> {
  const [left, right] = duplexPair();
  const filesOf = ({ certificate: cert, key }: TlsSet, believed: TlsSet): tls.SecureContextOptions => ({
    ca: believed.authority,
    cert,
    key,
    ciphers: CIPHERS,
  });
  try {
    const server = tls.createServer({ ...filesOf(shown, set), requestCert: true });
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const met = Promise.race([
      once(server, "secureConnection", { signal }),
      once(server, "tlsClientError", { signal }).then(([error]) => Promise.reject(error as Error)),
    ]);
    // What follows when both are ended is of no interest.
    server.on("secureConnection", (socket) => socket.on("error", () => undefined));
    server.emit("connection", left);
    const client = tls.connect({ ...filesOf(set, shown), socket: right, checkServerIdentity: () => undefined });
    client.on("error", () => undefined);
    await Promise.all([met, once(client, "secureConnect", { signal })]);
    return [];
  } catch (error) {
    return [`OpenSSL refuses it: ${reasonOf(error as Error & { code?: string; reason?: string })}`];
  } finally {
    left.destroy();
    right.destroy();
  }
}

const reasonOf = ({ reason, message, code }: Error & { code?: string; reason?: string }): string =>
  reason ?? (code && !message.includes(code) ? `${message} (${code})` : message);
