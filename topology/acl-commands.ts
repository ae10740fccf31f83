/**
 * What command rules of an ACL allow on one server. A server writes them down in other words than its file has (redis 7.0
 * works out categories of its own), so only what they allow can be compared. Runs on the nodes, so it is pure.
 */

/** Every command of a server, `get` or `config|get`, with its categories, `@read`. */
export type CommandTable = ReadonlyMap<string, ReadonlySet<string>>;

/** Reads the reply to COMMAND of redis 7.0 and later. A command with subcommands counts as these. */
export function commandTable(reply: unknown): CommandTable {
  const table = new Map<string, ReadonlySet<string>>();
  const add = (entries: unknown): void => {
    for (const entry of entries as unknown[][]) {
      const subcommands = (entry[9] ?? []) as unknown[];
      if (subcommands.length > 0) add(subcommands);
      else table.set(String(entry[0]).toLowerCase(), new Set((entry[6] as string[]).map((it) => it.toLowerCase())));
    }
  };
  add(reply);
  return table;
}

/**
 * The commands that remain when the rules are applied one after the other, beginning with none.
 * A rule that the table does not know counts as a command of its own: it is a difference to anything without it.
 */
export function allowedCommands(rules: readonly string[], table: CommandTable): Set<string> {
  const allowed = new Set<string>();
  for (const rule of rules) {
    for (const command of commandsOf(rule, table, allowed)) {
      if (rule.startsWith("+")) allowed.add(command);
      else allowed.delete(command);
    }
  }
  return allowed;
}

/** The rules that name a command or category that the server does not have, and would refuse. */
export const unknownRules = (rules: readonly string[], table: CommandTable): string[] =>
  rules.filter((rule) => commandsOf(rule, table, new Set()).every((command) => !table.has(command)));

function commandsOf(rule: string, table: CommandTable, allowed: ReadonlySet<string>): string[] {
  const what = rule.slice(1).toLowerCase();
  if (what === "@all") return [...table.keys(), ...allowed];
  const found = [...table].filter(
    ([command, categories]) => command === what || command.startsWith(`${what}|`) || categories.has(what),
  );
  // `+select|1` may be there from before, and goes with `-select`.
  const narrower = [...allowed].filter((command) => command.startsWith(`${what}|`));
  return found.length > 0 ? [...found.map(([command]) => command), ...narrower] : [what];
}
