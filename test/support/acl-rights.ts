import type { redisUsers } from "../../topology/acl-node.ts";

/** The environment that these rights are for. */
export const access = { app: { keys: ["app:*"], channels: ["news.*"] } };
const hello = "__sentinel__:hello";
const script = (code: string, ...keys: string[]): string[] => ["EVAL", code, String(keys.length), ...keys];
const words = (line: string): string[] => line.split(" ");

/** What changes the server, its users or other clients, or shows what is not the user's. */
const forAdminsOnly = [
  ...["CONFIG GET masterauth", "CONFIG SET maxmemory 1", "CONFIG REWRITE", "CONFIG RESETSTAT", "DEBUG SLEEP 0"],
  ...["MODULE LIST", "MODULE LOAD /tmp/x.so", "SHUTDOWN NOSAVE", "FAILOVER", "SAVE", "BGSAVE", "BGREWRITEAOF"],
  ...[
    "ACL LIST",
    "ACL SETUSER app +@all",
    "ACL SETUSER default on nopass +@all",
    "ACL GETUSER admin",
    "ACL LOAD",
    "ACL SAVE",
  ],
  ...[
    "ACL LOG",
    "ACL DELUSER admin",
    "MONITOR",
    "CLIENT PAUSE 1",
    "CLIENT UNPAUSE",
    "CLIENT NO-EVICT on",
    "CLIENT UNBLOCK 1",
  ],
  ...[
    "FLUSHALL",
    "FLUSHDB",
    "SWAPDB 0 1",
    "KEYS *",
    "SLOWLOG RESET",
    "LATENCY RESET",
    "MEMORY PURGE",
    "SYNC",
    "PFDEBUG ENCODING app:h",
  ],
  ...[
    "MIGRATE 127.0.0.1 1 app:1 0 10",
    "RESTORE app:new 0 x",
    "CLUSTER RESET",
    "FUNCTION FLUSH",
    "FUNCTION DELETE lib",
    "FUNCTION DUMP",
  ],
  ...["FUNCTION RESTORE x", "SCRIPT FLUSH", "SCRIPT DEBUG YES"],
].map(words);
const forSentinelsOnly = ["REPLICAOF NO ONE", "SLAVEOF 127.0.0.1 1", "CLIENT KILL TYPE normal", "SCRIPT KILL"].map(
  words,
);
const forReplicasOnly = ["REPLCONF listening-port 1", "PSYNC ? -1"].map(words);
const forMonitorsOnly = ["CLIENT LIST", "SLOWLOG GET", "LATENCY LATEST", "MEMORY STATS", "LASTSAVE"].map(words);
const forgeries = ["PUBLISH", "SPUBLISH"].map((command) => [command, hello, "127.0.0.1,26379,..."]);
const spying = [
  ["SUBSCRIBE", hello],
  ["SSUBSCRIBE", hello],
  ["PSUBSCRIBE", "*"],
  ["PSUBSCRIBE", "__*"],
];
const loading = ["FUNCTION", "LOAD", "#!lua name=evil\nredis.register_function('f', function() return 1 end)"];

interface Rights {
  readonly yes: readonly (readonly string[])[];
  readonly no: readonly (readonly string[])[];
}

/** What neither applications nor readers may do. */
const forNoClient = [
  ...forAdminsOnly,
  ...forSentinelsOnly,
  ...forReplicasOnly,
  ...forMonitorsOnly,
  ...forgeries,
  ...spying,
  loading,
];

/** What the users try: `no` as an attacker would who has the password of this one. */
export const rights: Readonly<Record<(typeof redisUsers)[number], Rights>> = {
  app: {
    yes: [
      ...[
        "SET app:1 x",
        "GET app:1",
        "MGET app:1 app:2",
        "XADD app:s * a b",
        "SORT app:l",
        "SCAN 0",
        "DBSIZE",
        "BLPOP app:l 1",
      ].map(words),
      ...["PING", "INFO", "ROLE", "TIME", "ECHO x", "SELECT 1", "SELECT 0", "WAIT 0 1", "COMMAND COUNT", "HELLO 2"].map(
        words,
      ),
      ...[
        "CLIENT SETNAME web",
        "CLIENT ID",
        "CLIENT GETNAME",
        "CLIENT REPLY ON",
        "CLIENT INFO",
        "CLIENT TRACKING OFF",
      ].map(words),
      ...[
        "WATCH app:1",
        "MULTI",
        "EXEC",
        "PUBLISH news.today x",
        "SPUBLISH news.today x",
        "PUBSUB NUMSUB news.today",
      ].map(words),
      script("return redis.call('SET', KEYS[1], 'x')", "app:1"),
      ["EVAL_RO", "return redis.call('GET', KEYS[1])", "1", "app:1"],
      ["SCRIPT", "LOAD", "return 1"],
      ["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"],
      words("FCALL write 1 app:1"),
      words("SUBSCRIBE news.today"),
    ],
    no: [
      ...forNoClient,
      ...["GET other", "SET other x", "MGET app:1 other", "COPY app:1 other", "RENAME app:1 other", "DEL other"].map(
        words,
      ),
      ...[
        "SORT app:l BY other:*",
        "SORT app:l STORE other",
        "XREAD STREAMS other 0",
        "PUBLISH other x",
        "FCALL write 1 other",
      ].map(words),
      ...["SUBSCRIBE __keyevent@0__:set", "PSUBSCRIBE n*"].map(words),
      script("return redis.call('FLUSHALL')"),
      script("return redis.pcall('KEYS', '*')"),
      script("return redis.call('SET', 'other', 'x')"),
      script("return redis.call('GET', KEYS[1])", "other"),
      script(`return redis.call('PUBLISH', '${hello}', 'x')`),
      words("FCALL forge 0"),
    ],
  },
  reader: {
    yes: [
      ...[
        "GET other",
        "MGET app:1 other",
        "SORT_RO app:l",
        "SCAN 0",
        "XREAD STREAMS other:s 0",
        "TTL other",
        "DUMP other",
      ].map(words),
      ...["PING", "INFO", "ROLE", "SELECT 0", "CLIENT SETNAME report", "CLIENT ID", "HELLO 2", "MULTI", "EXEC"].map(
        words,
      ),
      ["EVAL_RO", "return redis.call('GET', KEYS[1])", "1", "other"],
      words("FCALL_RO read 1 other"),
      words("SUBSCRIBE today"),
    ],
    no: [
      ...forNoClient,
      ...[
        "SET app:1 x",
        "DEL app:1",
        "GETEX other EX 1",
        "SORT app:l STORE app:m",
        "PUBLISH today x",
        "XGROUP CREATE other:s g 0",
      ].map(words),
      ...["EXPIRE other 1", "FCALL write 1 app:1", "SCRIPT LOAD x", "SUBSCRIBE __keyevent@0__:set"].map(words),
      script("return 1"),
    ],
  },
  replica: {
    yes: ["PING", "REPLCONF listening-port 1"].map(words),
    no: [
      ...[...forAdminsOnly, ...forSentinelsOnly, ...forMonitorsOnly, ...forgeries, ...spying, loading],
      ...["GET app:1", "SET app:1 x", "INFO", "ROLE", "SCAN 0", "CLIENT SETNAME x", "EVAL 'return 1' 0"].map(words),
    ],
  },
  sentinel: {
    yes: [...["PING", "INFO", "CLIENT SETNAME sentinel"].map(words), ["PUBLISH", hello, "x"], ["SUBSCRIBE", hello]],
    no: [
      ...[
        ...forAdminsOnly.filter(([a, b]) => a !== "CONFIG" || b !== "REWRITE"),
        ...forReplicasOnly,
        ...forMonitorsOnly,
        loading,
      ],
      ...[
        "GET app:1",
        "SET app:1 x",
        "SCAN 0",
        "PUBLISH news.today x",
        "SUBSCRIBE news.today",
        "PSUBSCRIBE *",
        "SELECT 1",
      ].map(words),
      script("return 1"),
    ],
  },
  monitor: {
    yes: [
      ...["PING", "INFO", "ROLE", "DBSIZE", "SLOWLOG LEN", "LATENCY DOCTOR", "MEMORY DOCTOR", "CLIENT SETNAME m"].map(
        words,
      ),
      ...forMonitorsOnly,
    ],
    no: [
      ...[...forAdminsOnly, ...forSentinelsOnly, ...forReplicasOnly, ...forgeries, ...spying, loading],
      ...[
        "GET app:1",
        "SET app:1 x",
        "SCAN 0",
        "RANDOMKEY",
        "MEMORY USAGE app:1",
        "TYPE app:1",
        "FUNCTION LIST",
        "CLIENT TRACKING ON BCAST",
      ].map(words),
      script("return 1"),
    ],
  },
  admin: {
    yes: [
      ...["CONFIG GET *", "ACL LIST", "FUNCTION LIST", "CLIENT LIST", "GET other", "SET other x", "KEYS *"].map(words),
      ...forgeries.slice(0, 1),
    ],
    no: [],
  },
};

/** What a script, or a function, must not do for whoever calls it, not even one that is told what to call. */
const notFromScripts = [
  ...forNoClient,
  ...["DEBUG JMAP", "DEBUG RELOAD", "ACL WHOAMI", "ACL SETUSER app allkeys", "SHUTDOWN", "REPLICAOF 127.0.0.1 1"].map(
    words,
  ),
  ...["MODULE UNLOAD x", "MODULE LOADEX /tmp/x.so", "CONFIG SET dir /tmp", "AUTH admin x", "RESET"].map(words),
];
export const scriptsOf = {
  app: {
    by: [
      ["EVAL", "return redis.call(unpack(ARGV))", "0"],
      ["FCALL", "any", "0"],
    ],
    no: [
      ...notFromScripts,
      ...[
        "GET other",
        "SET other x",
        "DEL other",
        "COPY app:1 other",
        "PUBLISH other x",
        "XREAD STREAMS other:s 0",
      ].map(words),
    ],
  },
  reader: {
    by: [
      ["EVAL_RO", "return redis.call(unpack(ARGV))", "0"],
      ["FCALL_RO", "any_ro", "0"],
    ],
    no: [...notFromScripts, ...["SET app:1 x", "DEL other", "GETEX other EX 1", "PUBLISH today x"].map(words)],
  },
} as const;

/** Functions that an admin has loaded; the last two do whatever they are told. */
export const library = `#!lua name=lib
redis.register_function('any', function(_, args) return redis.call(unpack(args)) end)
redis.register_function{function_name='any_ro', callback=function(_, args) return redis.call(unpack(args)) end, flags={'no-writes'}}
redis.register_function('write', function(keys) return redis.call('SET', keys[1], 'x') end)
redis.register_function('forge', function() return redis.call('PUBLISH', '${hello}', 'x') end)
redis.register_function{function_name='read', callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'}}`;
