import type { Environment } from "../environments/environment.ts";
import { filled, type Template, templateOf } from "./template.ts";

const templates = { redis: templateOf("users.acl"), sentinel: templateOf("sentinel-users.acl") };

/**
 * The users of every redis-server of a valid environment and their rights, in the form of an ACL file, for the newest tested version of
 * the engine and without passwords: `aclOnNode` makes it the file of a node.
 */
export function usersAcl({ engine, access: { app, reader } }: Environment): string {
  return render(templates.redis, {
    engine,
    appPatterns: patterns("~", app),
    readerPatterns: patterns("%R~", reader),
  });
}

/** The same for every redis-sentinel. */
export const sentinelUsersAcl = ({ engine }: Environment): string => render(templates.sentinel, { engine });

/** The server refuses a further key pattern beside `*`, which covers it anyway. */
function patterns(prefix: string, { keys, channels }: Environment["access"]["app"]): string {
  const distinct = keys.includes("*") ? ["*"] : new Set(keys);
  return [...[...distinct].map((it) => `${prefix}${it}`), ...[...new Set(channels)].map((it) => `&${it}`)].join(" ");
}

/** One line a user: comments go, and an indented line joins the one above it. */
function render(template: Template, values: object): string {
  const lines: string[] = [];
  for (const line of filled(template, values).split("\n")) {
    const text = line.trim().replace(/ +/g, " ");
    if (text === "" || text.startsWith("# ")) continue;
    if (line.startsWith(" ")) lines.push(`${lines.pop()} ${text}`);
    else lines.push(text);
  }
  return `${lines.join("\n")}\n`;
}
