import type { RedisOptions } from "ioredis";
import { sentinelEndpoint } from "../cluster/answers.ts";
import { clientFile, clientKey } from "../secrets/issued.ts";
import { type ClientLogins, type ClientTls, type ClientUser, clientUsers } from "../secrets/logins.ts";
import { passwordOf } from "../secrets/passwords.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";

/**
 * The ioredis options that can be written as JSON: what `redis-ha connect --json` prints, a contract described in
 * docs/json.md. The retry strategies stay ioredis's own, which wait up to 2 s between attempts.
 */
export interface ClientOptions {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly name: string;
  readonly role: "master" | "slave";
  readonly connectTimeout: number;
  readonly sentinelCommandTimeout: number;
  readonly socketTimeout: number;
  readonly maxRetriesPerRequest: null;
  /** At the servers. */
  readonly username: string;
  readonly password: string;
  /** At the Sentinels. */
  readonly sentinelUsername: string;
  readonly sentinelPassword: string;
  /** With TLS: the same for servers and for Sentinels. */
  readonly tls?: TlsOptions;
  readonly sentinelTLS?: TlsOptions;
  readonly enableTLSForSentinelMode?: true;
}

/** All in PEM. */
interface TlsOptions {
  /** The certificate of the environment's authority. */
  readonly ca: string;
  /** What the client shows, where clients have to. */
  readonly cert?: string;
  readonly key?: string;
}

/** As whom a client logs in: one that asks for the master as `app`, one that asks for replicas as `reader`. */
export function loginOf(role: "master" | "slave", { passwords, tls }: ClientLogins) {
  const username = role === "master" ? "app" : "reader";
  const over = tls && tlsOptions(tls);
  return {
    username,
    password: passwords[username],
    sentinelUsername: "sentinel-client",
    sentinelPassword: passwords["sentinel-client"],
    ...(over ? { tls: over, sentinelTLS: over, enableTLSForSentinelMode: true as const } : {}),
  };
}

const tlsOptions = ({ authority, certificate, key }: ClientTls): TlsOptions => ({
  ca: authority,
  ...(certificate !== undefined && key !== undefined ? { cert: certificate, key } : {}),
});

/** The same for one server, without Sentinels. */
export function directLoginOf(role: "master" | "slave", logins: ClientLogins) {
  const { username, password, tls } = loginOf(role, logins);
  return { username, password, ...(tls ? { tls } : {}) };
}

export function clientOptions(
  inventory: Pick<InventoryEnvironment, "nodes" | "masterName">,
  role: "master" | "slave",
  logins: ClientLogins,
): ClientOptions {
  const sentinels = inventory.nodes
    .filter((node) => node.sentinelPort !== undefined)
    .map(sentinelEndpoint)
    .map(({ address, port }) => ({ host: address, port }));
  return {
    sentinels,
    name: inventory.masterName,
    role,
    connectTimeout: 500,
    sentinelCommandTimeout: 500,
    socketTimeout: 1000,
    maxRetriesPerRequest: null,
    ...loginOf(role, logins),
  };
}

/** What cannot be JSON, as numbers and a pattern that the printed module and `recommendedOptions` share. */
const retryMs = { soon: 20, soonAttempts: 5, later: 10, step: 25, most: 250, sentinel: 10 };
/** The pause between attempts is this part of the time for which the answer has been "not here" or "not now". */
const REFUSED_SHARE = 1 / 20;
/** After so long without such an answer, the next one is the first again. */
const REFUSED_ANEW_MS = 1000;
const notHereOrNow = /^(READONLY|NOREPLICAS|MASTERDOWN|MISCONF|LOADING)/;
/** Between two PINGs of a client, in milliseconds. */
export const HEARTBEAT_MS = 500;

/** What the module of `redis-ha connect --ioredis` gives to ioredis, for use in this program. */
export function recommendedOptions(
  inventory: Pick<InventoryEnvironment, "nodes" | "masterName">,
  role: "master" | "slave",
  logins: ClientLogins,
): RedisOptions & { sentinels: { host: string; port: number }[] } {
  const { sentinels, ...options } = clientOptions(inventory, role, logins);
  const refused = { since: 0, last: 0 };
  return {
    ...options,
    sentinels: [...sentinels],
    retryStrategy: (attempt) =>
      Math.min(
        Date.now() - refused.last < REFUSED_ANEW_MS
          ? Math.max(retryMs.step * attempt, (refused.last - refused.since) * REFUSED_SHARE)
          : attempt > 1
            ? Math.max(retryMs.soon, retryMs.later * (attempt - retryMs.soonAttempts))
            : 0,
        retryMs.most,
      ),
    sentinelRetryStrategy: (round) => Math.min(retryMs.sentinel * round, retryMs.most),
    reconnectOnError: (error) => {
      if (!notHereOrNow.test(error.message)) return false;
      const now = Date.now();
      if (now - refused.last > REFUSED_ANEW_MS) refused.since = now;
      refused.last = now;
      return 2;
    },
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: true,
    ...(role === "slave"
      ? { preferredSlaves: (replicas) => replicas[Math.floor(Math.random() * replicas.length)] ?? null }
      : {}),
  };
}

/** Where the module finds the password of each user. */
export const passwordVariables: Readonly<Record<ClientUser, string>> = {
  app: "REDIS_APP_PASSWORD",
  reader: "REDIS_READER_PASSWORD",
  "sentinel-client": "REDIS_SENTINEL_PASSWORD",
};

/** And which secrets are what it shows of itself. */
export const certificateVariables = {
  REDIS_CLIENT_CERTIFICATE: clientFile,
  REDIS_CLIENT_KEY: clientKey,
} as const;

const shownText = `
/** What the client shows of itself: without it, no server lets it in. */
const cert = required("REDIS_CLIENT_CERTIFICATE");
const key = required("REDIS_CLIENT_KEY");
`;

const filesText = ({
  authority,
  key,
}: ClientTls): string => `/** Who signs the certificates of the servers: nobody else is believed. No secret. */
const ca = \`${authority.trim()}\`;
${key === undefined ? "" : shownText}
`;

const tlsText = ({ key }: ClientTls): string => {
  const files = key === undefined ? "{ ca }" : "{ ca, cert, key }";
  return `
  // Only TLS is spoken, to servers and to Sentinels.
  tls: ${files},
  sentinelTLS: ${files},
  enableTLSForSentinelMode: true,
`;
};

/** A TypeScript module for ioredis: a client that survives failovers, one that reads from replicas, each option with its reason. */
export function ioredisModule(environment: string, inventory: InventoryEnvironment, tls: ClientLogins["tls"]): string {
  const options = clientOptions(inventory, "master", { passwords: { app: "", reader: "", "sentinel-client": "" } });
  const sentinels = options.sentinels.map(({ host, port }) => `    { host: ${JSON.stringify(host)}, port: ${port} },`);
  const shown = tls?.key !== undefined;
  const variables: Readonly<Record<string, string>> = {
    ...Object.fromEntries(clientUsers.map((user) => [passwordVariables[user], passwordOf(user)])),
    ...(shown ? certificateVariables : {}),
  };
  return `// Run what imports this with tsx (node --import tsx app.ts), or compile it.
import { Redis, type RedisOptions } from "ioredis";

// The ${shown ? "secrets" : "passwords"} come from the environment of the process, where your secret manager, or for a try your shell, puts them:
${Object.entries(variables)
  .map(([name, secret]) => `//   export ${name}="$(npx redis-ha secrets show ${secret} --env ${environment})"`)
  .join("\n")}
function required(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(\`\${variable} is not set; npx redis-ha connect --ioredis says how\`);
  return value;
}

/** Since when the servers have answered "not here" or "not now", and when they did last. */
const refused = { since: 0, last: 0 };

${tls ? filesText(tls) : ""}/** How to reach the environment "${environment}", whichever node is its master. */
export const options: RedisOptions = {
  // The client asks these who the master is, at every connect, and learns of further Sentinels from them.
  // They answer with addresses that clients can reach, so no natMap is needed.
  sentinels: [
${sentinels.join("\n")}
  ],
  // The name that the Sentinels watch this cluster's master under.
  name: ${JSON.stringify(options.name)},
  role: "master",

  // As whom it logs in: at the servers as one who reads and writes, at the Sentinels as one who only asks.
  username: "app",
  password: required("${passwordVariables.app}"),
  sentinelUsername: "sentinel-client",
  sentinelPassword: required("${passwordVariables["sentinel-client"]}"),
${tls ? tlsText(tls) : ""}
  // One that does not answer is given up after this long (ms), and the next one is asked. The default of 10 s for each
  // address would alone be longer than a failover.
  connectTimeout: ${options.connectTimeout},
  sentinelCommandTimeout: ${options.sentinelCommandTimeout},

  // Silence of this long (ms) after a command means a dead connection. Without it, a client of a master that hangs, or
  // whose network is gone, waits on the old socket for minutes. It must be longer than your slowest command: commands
  // that wait (BLPOP, XREAD BLOCK) want a client of their own, with a longer one.
  // commandTimeout does not replace it: it fails the command and keeps the dead connection.
  socketTimeout: ${options.socketTimeout},

  // Keep commands until the new master is there. The default fails them after 20 attempts, which take about 4 s with the
  // strategy below: hardly longer than a failover.
  maxRetriesPerRequest: null,

  // Try again at once, then soon: every pause is added to the time without writes. The defaults grow to 2 s and 1 s. Where the answer has
  // been "not now", as that of a server which loads its files, never at once, and when it has been for long, a pause is a twentieth
  // of that: many clients that come back 40 times a second would keep it, and the Sentinels, from their work.
  retryStrategy: (attempt) =>
    Math.min(
      Date.now() - refused.last < ${REFUSED_ANEW_MS}
        ? Math.max(${retryMs.step} * attempt, (refused.last - refused.since) * ${REFUSED_SHARE})
        : attempt > 1
          ? Math.max(${retryMs.soon}, ${retryMs.later} * (attempt - ${retryMs.soonAttempts}))
          : 0,
      ${retryMs.most},
    ),
  // In a change of the master there are some milliseconds in which no Sentinel names one.
  sentinelRetryStrategy: (round) => Math.min(${retryMs.sentinel} * round, ${retryMs.most}),

  // Errors that say "not here" or "not now": connect again, to whom the Sentinels name by then, and send the command
  // again (2). Without it, a client that is still connected to a former master fails until something else closes
  // the connection.
  reconnectOnError: (error) => {
    if (!${String(notHereOrNow)}.test(error.message)) return false;
    const now = Date.now();
    if (now - refused.last > ${REFUSED_ANEW_MS}) refused.since = now;
    refused.last = now;
    return 2;
  },

  // The check waits on a server that loads its files, up to 10 s at a time, also when another one is master by then. Without
  // it, LOADING is the answer to a command, and one more of the errors above.
  enableReadyCheck: false,

  // true: a command whose reply got lost is sent again. No write is lost, but one can be applied twice: INCR, LPUSH,
  // XADD. false: it fails instead, and your code decides. Choose false where twice is worse than an error.
  autoResendUnfulfilledCommands: true,

  // Left out on purpose: failoverDetector. It can end the client for good when a failover meets a reconnect.
};

/**
 * A client for reads and writes. Close it with quit().
 *
 * The PING twice a second gives socketTimeout something to wait for: an idle client, or one that only subscribes, would
 * otherwise not notice that its master is gone.
 */
export function createClient(overrides: RedisOptions = {}): Redis {
  const redis = new Redis({ ...options, ...overrides });
  // Without a listener ioredis prints every failed attempt; it tries again in any case.
  redis.on("error", (error: Error) => console.warn(\`redis: \${error.message}\`));
  const heartbeat = setInterval(() => {
    if (redis.status === "ready") redis.ping().catch(() => undefined);
  }, ${HEARTBEAT_MS});
  heartbeat.unref();
  redis.once("end", () => clearInterval(heartbeat));
  return redis;
}

/**
 * A client that only reads, from a replica: takes load off the master. What it reads may be older than the last write.
 *
 * Each client takes a replica at random, so many clients spread over all. When no replica is left it waits for one;
 * if reads must go on then, use createClient().
 */
export function createReader(): Redis {
  return createClient({
    role: "slave",
    // One who only reads, on any node.
    username: "reader",
    password: required("${passwordVariables.reader}"),
    // The Sentinels offer all replicas that they do not believe to be down. To prefer near ones, give their addresses:
    // preferredSlaves: [{ ip: "10.0.1.5", port: "6379", prio: 1 }].
    preferredSlaves: (replicas) => replicas[Math.floor(Math.random() * replicas.length)] ?? null,
  });
}
`;
}
