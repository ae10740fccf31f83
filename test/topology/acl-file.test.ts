import { describe, expect, it } from "vitest";
import { passwordHash } from "../../secrets/passwords.ts";
import { allowedCommands, commandTable, unknownRules } from "../../topology/acl-commands.ts";
import { aclDifferences, parseAcl, setUserRules } from "../../topology/acl-file.ts";

/** As COMMAND answers: name, arity, flags, three places of keys, categories, tips, key specifications, subcommands. */
const command = (name: string, categories: string, ...subcommands: unknown[]): unknown[] => [
  name,
  -1,
  [],
  0,
  0,
  0,
  categories.split(" "),
  [],
  [],
  subcommands,
];
const table = commandTable([
  command("get", "@read @fast"),
  command("set", "@write"),
  command("keys", "@read @dangerous"),
  command("select", "@connection"),
  command("client", "@slow", command("client|id", "@connection"), command("client|kill", "@connection @dangerous")),
]);
const allowed = (rules: string): string[] => [...allowedCommands(rules.split(" "), table)].sort();

describe("command rules", () => {
  it.each([
    ["+@all", ["client|id", "client|kill", "get", "keys", "select", "set"]],
    ["+@all -@all +get", ["get"]],
    ["+@read -@dangerous", ["get"]],
    ["-@dangerous +@read", ["get", "keys"]],
    ["+client", ["client|id", "client|kill"]],
    ["+client -client|kill", ["client|id"]],
    ["+@connection -client", ["select"]],
    ["+select|1", ["select|1"]],
    ["+select|1 -select", []],
    ["+GET", ["get"]],
    ["+read", ["read"]],
  ])("%s", (rules, commands) => {
    expect(allowed(rules)).toEqual(commands);
  });

  it("that the server does not know are named", () => {
    expect(unknownRules(["+get", "-@all", "+@read", "+client|setinfo", "+@json", "+client"], table)).toEqual([
      "+client|setinfo",
      "+@json",
    ]);
  });
});

describe("users, compared by what they may do", () => {
  const [a, b] = [passwordHash("a"), passwordHash("b")];
  const differ = (wanted: string, loaded: string): string[] =>
    aclDifferences(parseAcl(wanted), parseAcl(loaded), table).map(({ user, how }) => `${user} ${how}`);

  it.each([
    [
      "the order of hashes, keys, channels and users",
      `user x on #${a} #${b} ~k ~l &c &d +get\nuser y`,
      `user y off\nuser x on #${b} #${a} &d &c ~l ~k +get`,
    ],
    ["other words for the same", "user x on nopass ~* &* +@all", "user x allchannels allkeys allcommands nopass on"],
    ["a category and what is in it", "user x +@read -@dangerous", "user x off resetchannels -@all +get"],
    ["the flag that every user has", "user x on", "user x on sanitize-payload resetchannels -@all"],
    ["what was taken back", `user x +@all nopass ~a reset on #${a} ~b +get`, `user x on #${a} ~b +get`],
    ["both halves of a key", "user x %RW~a %r~b", "user x ~a %R~b"],
    ["line ends and spaces", "user x on +get\r\n\r\n", " user  x on +get "],
  ])("are equal but for %s", (_, wanted, loaded) => {
    expect(differ(wanted, loaded)).toEqual([]);
  });

  it.each([
    ["user x on +get", "", "x is missing"],
    ["", "user evil on nopass +@all", "evil should not be there"],
    ["user x off", "user x on", "x is on"],
    ["user x on", "user x", "x is off"],
    [`user x #${a}`, "user x nopass", "x needs no password, has other passwords"],
    [`user x #${a}`, `user x #${b}`, "x has other passwords"],
    [`user x #${a}`, `user x #${a} #${b}`, "x has other passwords"],
    ["user x %R~a", "user x ~a", "x has other keys"],
    ["user x &a", "user x &b", "x has other channels"],
    ["user x +get", "user x +@read", "x has other commands"],
    ["user x +get", "user x +get +debug|segfault", "x has other commands"],
    ["user x +get", "user x +get (+set ~* &*)", "x has other rules"],
    ["user x +get", "user x +get skip-sanitize-payload", "x has other rules"],
    ["user x ~a &a +get", "user x ~b &b +set", "x has other keys, channels, commands"],
  ])("%s differs from %s", (wanted, loaded, words) => {
    expect(differ(wanted, loaded)).toEqual([words]);
  });

  it("with a password, or that are none, are refused without a word of it", () => {
    for (const rule of [">hunter2", "<hunter2"]) {
      expect(() => parseAcl(`user x ${rule}`)).toThrow(new Error("ACL: user x has a password; give its hash"));
    }
    expect(() => parseAcl("user x on\nport 6379")).toThrow(
      new Error('ACL, line 2: not "user <name> <rules>"; write it again by an apply'),
    );
  });

  it("are set from nothing in one command, whatever channels a new user gets", () => {
    const [user] = parseAcl(`user x on #${a} %R~k &c +@read -keys (+set ~s)`);
    expect(user && setUserRules(user)).toEqual([
      "reset",
      "on",
      "resetchannels",
      `#${a}`,
      "%R~k",
      "&c",
      "+@read",
      "-keys",
      "(+set ~s)",
    ]);
  });
});
