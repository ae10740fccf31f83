/**
 * Reads redis.conf and sentinel.conf, and compares their values with what a running server reports.
 * Runs on the nodes, so it is pure and depends on nothing.
 */

/** A sentinel.conf, taken apart by whom a line concerns. */
export interface SentinelFile {
  /** Ordinary server keys: `port`, `bind`, `protected-mode`, ... */
  readonly server: ReadonlyMap<string, string>;
  /** `sentinel <key> <value>`: `myid`, `current-epoch`, `announce-ip`, ... */
  readonly globals: ReadonlyMap<string, string>;
  /**
   * `sentinel <key> <master> <value>` by master name. `monitor` is "<address> <port> <quorum>";
   * a key that stands once a peer (`known-replica`, `known-sentinel`) holds one line each.
   */
  readonly masters: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Keys that may stand several times and mean all of their lines. */
const repeatable = new Set(["include", "loadmodule", "rename-command", "user", "known-replica", "known-sentinel"]);

/** `sentinel` keys that concern the Sentinel itself and not one master. */
const sentinelGlobals = new Set([
  "myid",
  "current-epoch",
  "announce-ip",
  "announce-port",
  "deny-scripts-reconfig",
  "resolve-hostnames",
  "announce-hostnames",
  "sentinel-user",
  "sentinel-pass",
]);

/**
 * The name that this project uses for a key: lower case, and today's word where redis kept an old one beside it
 * (`slave-priority` is `replica-priority`).
 */
export function canonicalKey(key: string): string {
  const name = key.toLowerCase();
  if (name === "lua-time-limit") return "busy-reply-threshold";
  if (name === "slaveof") return "replicaof";
  return name.replace("slave", "replica").replace("ziplist", "listpack");
}

/**
 * Reads the text of a redis.conf.
 *
 * Each key maps to its value as CONFIG GET would show it: unquoted, arguments separated by one space, the lines of
 * `save` and of `client-output-buffer-limit` merged into one value, the last line deciding for other keys. Units are
 * left as written. Keys such as `include` and `user` hold one line each. Keys have their canonical name.
 * @throws when a line's quotes do not match, naming the line.
 */
export function parseConfigFile(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const { args } of directives(text)) put(values, args);
  return values;
}

/**
 * Reads the text of a sentinel.conf, the static part or the state file.
 * @throws when a line's quotes do not match, or a `sentinel` line lacks its arguments, naming the line.
 */
export function parseSentinelFile(text: string): SentinelFile {
  const server = new Map<string, string>();
  const globals = new Map<string, string>();
  const masters = new Map<string, Map<string, string>>();
  for (const { args, line } of directives(text)) {
    if (args[0]?.toLowerCase() !== "sentinel") {
      put(server, args);
      continue;
    }
    const [, name, ...rest] = args;
    const key = canonicalKey(name ?? "");
    if (sentinelGlobals.has(key) && rest.length > 0) {
      globals.set(key, rest.join(" "));
      continue;
    }
    const [master, ...value] = rest;
    if (master === undefined || value.length === 0) {
      throw new Error(`line ${line}: "${args.join(" ")}" lacks arguments; expected: sentinel <key> <master> <value>`);
    }
    const settings = masters.get(master) ?? new Map<string, string>();
    masters.set(master, settings);
    put(settings, [key, ...value]);
  }
  return { server, globals, masters };
}

/**
 * Whether a server that reports `running` (CONFIG GET) has the value `wanted` (a configuration file), whatever the
 * spelling: units, case of enumerations, order of event flags, classes of client-output-buffer-limit left out.
 */
export function sameConfigValue(key: string, wanted: string, running: string): boolean {
  const name = canonicalKey(key);
  if (isText(name)) return wanted === running;
  switch (name) {
    case "client-output-buffer-limit":
      return sameBufferLimits(wanted, running);
    case "notify-keyspace-events":
      return eventFlags(wanted) === eventFlags(running);
    case "oom-score-adj":
      return wanted.toLowerCase().replace("relative", "yes") === running.toLowerCase().replace("relative", "yes");
    case "shutdown-on-sigint":
    case "shutdown-on-sigterm":
      return sameWords(words(wanted).sort(), words(running).sort());
    default:
      return sameWords(words(wanted), words(running));
  }
}

/** Keys whose value is free text: case, zeros and units in it mean only themselves. */
const textKeys = new Set(
  (
    "requirepass masterauth masteruser proc-title-template replica-announce-ip " +
    "dir dbfilename appendfilename appenddirname logfile pidfile aclfile unixsocket syslog-ident " +
    "cluster-config-file cluster-announce-ip cluster-announce-hostname cluster-announce-human-nodename " +
    "availability-zone locale-collate ignore-warnings"
  ).split(" "),
);
const isText = (key: string): boolean => textKeys.has(key) || /^tls-.*(file|dir|pass|ciphers|ciphersuites)$/.test(key);

const words = (value: string): string[] => value.split(/\s+/).filter((word) => word !== "");

const sameWords = (a: string[], b: string[]): boolean =>
  a.length === b.length && a.every((word, index) => sameWord(word, b[index] ?? ""));

const sameWord = (a: string, b: string): boolean =>
  a.toLowerCase() === b.toLowerCase() || (amount(a) !== undefined && amount(a) === amount(b));

const units: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1000 ** 2,
  mb: 1024 ** 2,
  g: 1000 ** 3,
  gb: 1024 ** 3,
};

/** A number, or an amount of memory in bytes. */
function amount(word: string): number | undefined {
  const [, digits, unit = ""] = /^(-?\d+(?:\.\d+)?)([a-z]*)$/i.exec(word) ?? [];
  const factor = units[unit.toLowerCase()];
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
}

/** Flags as a sorted set; "A" stands for the ten that redis 7 shows as "A". */
function eventFlags(value: string): string {
  const flags = new Set(value.replaceAll("A", "g$lshzxetd"));
  return [...flags].sort().join("");
}

/** client-output-buffer-limit by class: hard limit, soft limit and seconds of each. */
function bufferLimits(value: string): Map<string, string[]> {
  const args = words(value);
  const limits = new Map<string, string[]>();
  for (let at = 0; at < args.length; at += 4) {
    limits.set(canonicalKey(args[at] ?? ""), args.slice(at + 1, at + 4));
  }
  return limits;
}

function sameBufferLimits(wanted: string, running: string): boolean {
  const actual = bufferLimits(running);
  return [...bufferLimits(wanted)].every(([kind, limits]) => sameWords(limits, actual.get(kind) ?? []));
}

/** Takes one more line into account, in the server's way. */
function put(values: Map<string, string>, [name = "", ...args]: string[]): void {
  const key = canonicalKey(name);
  const before = values.get(key);
  values.set(key, merged(key, before, args.join(" ")));
}

function merged(key: string, before: string | undefined, value: string): string {
  if (key === "client-output-buffer-limit") {
    // A class named again replaces its limits, the others stay.
    return [...bufferLimits(`${before ?? ""} ${value}`)].flatMap(([kind, limits]) => [kind, ...limits]).join(" ");
  }
  // `save ""` forgets the lines before it, any other adds to them.
  if (key === "save" && before && value) return `${before} ${value}`;
  if (key === "replicaof" && value.toLowerCase() === "no one") return "";
  if (repeatable.has(key) && before !== undefined) return `${before}\n${value}`;
  return value;
}

/** The lines that say something, split into arguments the way the server splits them. */
function directives(text: string): { args: string[]; line: number }[] {
  return text.split("\n").flatMap((raw, index) => {
    const trimmed = raw.replace(/^[ \t\v\f\r]+|[ \t\v\f\r]+$/g, "");
    return trimmed === "" || trimmed.startsWith("#") ? [] : [{ args: split(trimmed, index + 1), line: index + 1 }];
  });
}

/** One argument: bare characters, then at most one quoted part that must end it. */
const argument =
  /[ \t\v\f\r]*([^ \t\v\f\r"']*)(?:"((?:\\.|[^"\\])*)"(?![^ \t\v\f\r])|'((?:\\'|\\(?!')|[^'\\])*)'(?![^ \t\v\f\r]))?/sy;

function split(text: string, line: number): string[] {
  const args: string[] = [];
  argument.lastIndex = 0;
  while (argument.lastIndex < text.length) {
    const [matched, bare = "", double, single] = argument.exec(text) ?? [""];
    // Only a quote that does not close, or that text follows, stops the expression inside a line.
    if (matched === "" || /["']/.test(text[argument.lastIndex] ?? "")) {
      throw new Error(`line ${line}: quotes do not match: ${text}`);
    }
    args.push(bare + (double === undefined ? (single ?? "").replaceAll("\\'", "'") : unescape(double)));
  }
  return args;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };

/** Hexadecimal escapes are bytes of UTF-8, so those of one character are read together. */
const unescape = (quoted: string): string =>
  quoted.replace(/((?:\\x[0-9a-fA-F]{2})+)|\\(.)/gs, (_, bytes: string | undefined, char: string) =>
    bytes === undefined ? (escapes[char] ?? char) : decodeBytes(bytes),
  );

const decodeBytes = (escaped: string): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    Uint8Array.from(escaped.match(/[0-9a-f]{2}/gi) ?? [], (pair) => parseInt(pair, 16)),
  );
