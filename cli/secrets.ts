import Table from "cli-table3";
import { trustedAuthorities } from "../secrets/authorities.ts";
import { certificateIn, DAY_MS } from "../secrets/certificates.ts";
import { initSecrets } from "../secrets/init.ts";
import { isMark, noteNewGroup } from "../secrets/group-marks.ts";
import { openStore, readyStore } from "../secrets/open-store.ts";
import type { SecretStore } from "../secrets/store.ts";
import { type Chosen, UsageError } from "./environment-choice.ts";
import { counted, expiry } from "./expiry.ts";
import { colours, print, printJson } from "./output.ts";

/** What `redis-ha secrets init --json` prints: a contract, described in docs/json.md. */
export interface SecretsInitDocument {
  readonly version: 1;
  readonly environment: string;
  readonly store: string;
  readonly made: readonly string[];
}

/** What `redis-ha secrets list --json` prints: a contract, described in docs/json.md. */
export interface SecretsDocument {
  readonly version: 1;
  readonly environment: string;
  readonly store: string;
  readonly secrets: readonly SecretEntry[];
}

export interface SecretEntry {
  readonly name: string;
  readonly kind: "password" | "private key" | "certificate" | "number" | "other";
  /** ISO 8601 */
  readonly changed: string | null;
  /** ISO 8601; null for what does not expire. */
  readonly expires: string | null;
}

/** @returns 0 when everything is there */
export async function init({ environment, inventory }: Chosen, root: string, json: boolean): Promise<number> {
  const store = await openStore({ environment, inventory }, root);
  // A file on this computer says nothing of what others have applied; Parameter Store is everybody's.
  if (inventory.target === "aws") await noteNewGroup(store);
  const made = await initSecrets(store, inventory);
  if (json) {
    printJson({ version: 1, environment, store: store.describe(), made } satisfies SecretsInitDocument);
    return 0;
  }
  for (const name of made) print(`made ${name}`);
  const what = made.length > 0 ? "all secrets are there" : "nothing to make";
  print(`${colours.green(`${environment}: ${what}`)}, in ${store.describe()}`);
  return 0;
}

const secretsIn = async (store: SecretStore): Promise<string[]> => (await store.list()).filter((name) => !isMark(name));

/** Prints the names of all secrets with their kind, age and expiry. @returns 0 */
export async function list(chosen: Chosen, root: string, json: boolean): Promise<number> {
  const { environment } = chosen;
  const store = await readyStore(chosen, root);
  const names = await secretsIn(store);
  const secrets: SecretEntry[] = [];
  for (const name of names) secrets.push(await entryOf(store, name));
  const document: SecretsDocument = { version: 1, environment, store: store.describe(), secrets };
  if (json) printJson(document);
  else print(secretsText(document, new Date()));
  return 0;
}

/**
 * Prints one value, which is what was asked for, on a terminal too.
 * @returns 0
 * @throws UsageError that names the known secrets for one that is not there
 */
export async function show(chosen: Chosen, root: string, name: string): Promise<number> {
  const store = await readyStore(chosen, root);
  const known = await secretsIn(store);
  const value = known.includes(name) ? await store.read(name) : undefined;
  if (value === undefined)
    throw new UsageError(
      known.length > 0
        ? `${chosen.environment} has no secret "${name}"; it has: ${known.join(", ")}`
        : noneYet(chosen.environment),
    );
  print(value.replace(/\n$/, ""));
  return 0;
}

/**
 * Prints the certificates of the authorities: two while one is being replaced.
 * @returns 0
 * @throws UsageError when there is none yet
 */
export async function authorities(chosen: Chosen, root: string): Promise<number> {
  const trusted = await trustedAuthorities(await readyStore(chosen, root));
  if (trusted === undefined) throw new UsageError(noneYet(chosen.environment));
  print(trusted.trimEnd());
  return 0;
}

const noneYet = (environment: string): string =>
  `${environment} has no secrets yet; npx redis-ha secrets init --env ${environment} makes them`;

async function entryOf(store: SecretStore, name: string): Promise<SecretEntry> {
  const kind = kindOf(name);
  // Nothing but certificates is read: a value that is not here cannot get out.
  const text = kind === "certificate" ? await store.read(name) : undefined;
  const until = text === undefined ? undefined : certificateIn(text)?.validTo;
  return {
    name,
    kind,
    changed: (await store.changed(name))?.toISOString() ?? null,
    expires: until === undefined ? null : new Date(until).toISOString(),
  };
}

function kindOf(name: string): SecretEntry["kind"] {
  if (name.startsWith("users/")) return "password";
  if (name.endsWith(".key")) return "private key";
  if (name.endsWith(".crt")) return "certificate";
  return name === "revision" ? "number" : "other";
}

/** Pure. */
export function secretsText({ environment, store, secrets }: Omit<SecretsDocument, "version">, now: Date): string {
  if (secrets.length === 0)
    return `${environment} has no secrets yet, in ${store}; npx redis-ha secrets init --env ${environment} makes them`;
  const table = new Table({
    head: ["name", "kind", "age", "expires"].map(colours.bold),
    style: { head: [], border: [], compact: true },
  });
  for (const { name, kind, changed, expires } of secrets)
    table.push([name, kind, changed === null ? "-" : age(now, changed), expires === null ? "-" : expiry(now, expires)]);
  return `${environment}, in ${store}:\n${table.toString()}`;
}

function age(now: Date, changed: string): string {
  const ms = now.getTime() - Date.parse(changed);
  if (ms >= DAY_MS) return counted(Math.floor(ms / DAY_MS));
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
