import { z } from "zod";
import { globMatches } from "../topology/glob.ts";

const pattern = z.string().regex(/^[^\s\p{Cc}]+$/u, "use a pattern without spaces, for example orders:*");

/** The channel on which Sentinels tell each other who is master; whoever publishes there can name another one. */
const SENTINEL_CHANNEL = "__sentinel__:hello";

const patterns = z.strictObject({
  /**
   * Keys that the user reaches, as patterns of KEYS. Commands without a key, such as SCAN and DBSIZE, see the names of all keys.
   * @default ["*"]
   */
  keys: z.array(pattern).min(1).default(["*"]),
  /**
   * Channels that the user reaches, as patterns of PSUBSCRIBE. One that matches `__sentinel__:hello` is refused. PSUBSCRIBE
   * itself takes only a pattern that stands here in the same words; keyspace events need one of theirs, `__keyevent@0__:*`.
   * @default ["[^_]*"], every channel that does not begin with an underscore
   */
  channels: z
    .array(
      // The servers take characters apart into bytes, on which ranges depend: [g-é] may cover an underscore.
      z
        .string()
        .regex(/^[!-~]+$/, "use a pattern of ASCII characters without spaces, for example news.*")
        .refine(
          (it) => !globMatches(it, SENTINEL_CHANNEL),
          `use a pattern that does not match ${SENTINEL_CHANNEL}, where whoever publishes can take the cluster over, for example [^_]*`,
        ),
    )
    .default(["[^_]*"]),
});

/** Who is let in, over what, and how far. */
export const access = z.strictObject({
  /**
   * TLS on every port, for clients, replication and Sentinel; the plaintext ports are off. `false`: passwords and data pass in
   * the clear, for whoever sees the network.
   * @default true
   */
  tls: z.boolean().default(true),
  /**
   * Servers and Sentinels take only clients that show a certificate of the environment's authority, besides logging in.
   * `redis-ha secrets init` makes one for them, `tls/client.crt` and `tls/client.key`. Give it to them before this is applied;
   * who is connected by then stays so.
   * @default false: a certificate that a client shows is checked, and one that shows none is let in
   */
  clientCertificates: z.boolean().default(false),
  /** The applications: they read and write. */
  app: patterns.prefault({}),
  /** Clients that only read, at the master or at replicas. */
  reader: patterns.prefault({}),
});
