import { allowedCommands, type CommandTable } from "./acl-commands.ts";

/**
 * Reads ACL files and replies to ACL LIST, and compares users by what they may do. Runs on the nodes, so it is pure.
 */

export interface AclUser {
  readonly name: string;
  readonly on: boolean;
  /** Any password is right. */
  readonly nopass: boolean;
  /** SHA-256 of each password that is right, in lower-case hex. */
  readonly hashes: ReadonlySet<string>;
  /** `~app:*`; `%R~app:*` for reading only. */
  readonly keys: ReadonlySet<string>;
  /** `&news.*` */
  readonly channels: ReadonlySet<string>;
  /** `+get`, `-@dangerous`, in their order, which counts. */
  readonly commands: readonly string[];
  /** Everything else, as it stands: selectors, flags. */
  readonly other: ReadonlySet<string>;
}

/**
 * @param lines an ACL file, or a reply to ACL LIST joined by line ends
 * @throws when a line is no user, or has a password and not its hash; the message holds no rule
 */
export function parseAcl(lines: string): AclUser[] {
  return lines
    .split(/\r?\n/)
    .map((line, index) => ({ words: wordsOf(line), number: index + 1 }))
    .filter(({ words }) => words.length > 0)
    .map(({ words: [user, name, ...rules], number }) => {
      if (user?.toLowerCase() !== "user" || name === undefined) {
        throw new Error(`ACL, line ${number}: not "user <name> <rules>"; write it again by an apply`);
      }
      return parseUser(name, rules);
    });
}

/** A selector, `(...)`, is one word. */
const wordsOf = (line: string): string[] => line.match(/\([^)]*\)|\S+/g) ?? [];

function parseUser(name: string, rules: readonly string[]): AclUser {
  let [on, nopass] = [false, false];
  let commands: string[] = [];
  const [hashes, keys, channels, other] = [new Set<string>(), new Set<string>(), new Set<string>(), new Set<string>()];
  const steps: Readonly<Record<string, () => void>> = {
    on: () => (on = true),
    off: () => (on = false),
    nopass: () => {
      nopass = true;
      hashes.clear();
    },
    resetpass: () => {
      nopass = false;
      hashes.clear();
    },
    resetkeys: () => keys.clear(),
    resetchannels: () => channels.clear(),
    allkeys: () => keys.add("~*"),
    allchannels: () => channels.add("&*"),
    allcommands: () => commands.push("+@all"),
    nocommands: () => (commands = []),
    "-@all": () => (commands = []),
    // What every user has by default, and what some versions say and others do not.
    "sanitize-payload": () => other.delete("skip-sanitize-payload"),
    clearselectors: () => [...other].filter((it) => it.startsWith("(")).forEach((it) => other.delete(it)),
    reset: () => {
      [on, nopass, commands] = [false, false, []];
      for (const set of [hashes, keys, channels, other]) set.clear();
    },
  };
  for (const rule of rules) {
    const word = rule.toLowerCase();
    if (Object.hasOwn(steps, word)) steps[word]?.();
    else if (/^[><!]/.test(rule)) throw new Error(`ACL: user ${name} has a password; give its hash`);
    else if (rule.startsWith("#")) hashes.add(rule.slice(1));
    else if (rule.startsWith("~")) keys.add(rule);
    else if (rule.startsWith("%"))
      keys.add(rule.replace(/^%(rw|wr)~/i, "~").replace(/^%[rw]~/i, (it) => it.toUpperCase()));
    else if (rule.startsWith("&")) channels.add(rule);
    else if (/^[+-]/.test(rule)) commands.push(word);
    else other.add(rule);
  }
  return { name, on, nopass, hashes, keys, channels, commands, other };
}

/** How one user differs, in words; no user that is equal. */
export interface AclDifference {
  readonly user: string;
  /** `has other passwords and keys` */
  readonly how: string;
}

/**
 * Users that differ between what should be loaded and what is, by what they may do on a server with these commands.
 * Holds no hash.
 */
export function aclDifferences(
  wanted: readonly AclUser[],
  loaded: readonly AclUser[],
  table: CommandTable,
): AclDifference[] {
  const missing = wanted.filter(({ name }) => !loaded.some((it) => it.name === name));
  const unknown = loaded.filter(({ name }) => !wanted.some((it) => it.name === name));
  return [
    ...missing.map(({ name }) => ({ user: name, how: "is missing" })),
    ...loaded.flatMap((user) => {
      const should = wanted.find(({ name }) => name === user.name);
      const how = should && differenceOf(should, user, table);
      return how === undefined ? [] : [{ user: user.name, how }];
    }),
    ...unknown.map(({ name }) => ({ user: name, how: "should not be there" })),
  ];
}

function differenceOf(wanted: AclUser, loaded: AclUser, table: CommandTable): string | undefined {
  const other = [
    ...(sameSet(wanted.hashes, loaded.hashes) ? [] : ["passwords"]),
    ...(sameSet(wanted.keys, loaded.keys) ? [] : ["keys"]),
    ...(sameSet(wanted.channels, loaded.channels) ? [] : ["channels"]),
    ...(sameSet(allowedCommands(wanted.commands, table), allowedCommands(loaded.commands, table)) ? [] : ["commands"]),
    ...(sameSet(wanted.other, loaded.other) ? [] : ["rules"]),
  ];
  const words = [
    ...(wanted.on === loaded.on ? [] : [`is ${loaded.on ? "on" : "off"}`]),
    ...(wanted.nopass === loaded.nopass ? [] : [loaded.nopass ? "needs no password" : "needs a password"]),
    ...(other.length === 0 ? [] : [`has other ${other.join(", ")}`]),
  ];
  return words.length === 0 ? undefined : words.join(", ");
}

const sameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((it) => b.has(it));

/** The rules of a user as arguments of ACL SETUSER: all of them in one command, so that there is no moment without rights. */
export const setUserRules = (user: AclUser): string[] => [
  "reset",
  user.on ? "on" : "off",
  // Not left to `reset`, which gives what acl-pubsub-default says.
  "resetchannels",
  ...(user.nopass ? ["nopass"] : []),
  ...[...user.hashes].map((hash) => `#${hash}`),
  ...user.keys,
  ...user.channels,
  ...user.commands,
  ...user.other,
];
