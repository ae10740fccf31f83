import fs from "node:fs";
import { nodeFolder, stateOf } from "../agent/node-folder.ts";
import { isThere } from "../remote/steps.ts";
import { namesOf } from "../secrets/certificates.ts";
import { clientsWithout, type Given, importSecrets, withoutCertificate } from "../secrets/import.ts";
import { noteNewGroup } from "../secrets/group-marks.ts";
import { openStore } from "../secrets/open-store.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { knownNodes } from "./choice.ts";
import { type Chosen, UsageError } from "./environment-choice.ts";
import { colours, print, printJson, progress, quoted } from "./output.ts";

/** Options of `secrets import`; `authority`, `certificate` and the keys are paths. */
export interface ImportFlags {
  authority?: string;
  authorityKey?: string;
  node?: string;
  clients?: boolean;
  certificate?: string;
  key?: string;
}

/** What `redis-ha secrets import --json` prints: a contract, described in docs/json.md. */
export interface SecretsImportDocument {
  readonly version: 1;
  readonly environment: string;
  readonly store: string;
  readonly stored: readonly string[];
  readonly removed: readonly string[];
  readonly missing: readonly {
    readonly node: string;
    readonly dns: readonly string[];
    readonly addresses: readonly string[];
  }[];
  /** The clients need one, too. */
  readonly missingForClients: boolean;
}

/** @returns 0 when everything fits and is stored. @throws when something does not; nothing is stored then */
export async function importFiles(chosen: Chosen, root: string, flags: ImportFlags, json: boolean): Promise<number> {
  const { environment, inventory } = chosen;
  const given = read(chosen, flags);
  const store = await openStore(chosen, root);
  if (inventory.target === "aws") await noteNewGroup(store);
  const { stored, removed } = await importSecrets(store, inventory.nodes, given, (silent) =>
    applied(chosen, root, silent),
  );
  const missing = (await withoutCertificate(store, inventory.nodes)).map((node) => ({
    node: node.name,
    ...namesOf(node),
  }));
  const document: SecretsImportDocument = {
    version: 1,
    environment,
    store: store.describe(),
    stored,
    removed,
    missing,
    missingForClients: inventory.clientCertificates === true && (await clientsWithout(store)),
  };
  if (json) printJson(document);
  else print(importText(document));
  return 0;
}

/** @throws UsageError for options that do not go together, and files that cannot be read */
function read(
  chosen: Chosen,
  { authority, authorityKey, node, clients = false, certificate, key }: ImportFlags,
): Given {
  if (authorityKey !== undefined && authority === undefined)
    throw new UsageError("--authority-key needs --authority: the certificate of that key");
  const whose = node !== undefined || clients;
  if (node !== undefined && clients) throw new UsageError("--node and --clients exclude each other");
  if (new Set([whose, certificate !== undefined, key !== undefined]).size > 1)
    throw new UsageError(
      "--node or --clients, --certificate and --key go together: whose they are, its certificate, and the key of that",
    );
  if (authority === undefined && !whose)
    throw new UsageError("nothing to import; add --authority FILE, or --node NAME --certificate FILE --key FILE");
  if (node !== undefined) knownNodes(chosen, [node]);
  const found = chosen.inventory.nodes.find(({ name }) => name === node);
  const given: Given =
    authority === undefined
      ? {}
      : {
          authority: {
            certificates: textOf("--authority", authority),
            ...(authorityKey === undefined ? {} : { key: keyOf("--authority-key", authorityKey) }),
          },
        };
  if (certificate === undefined || key === undefined) return given;
  const pair = { certificate: textOf("--certificate", certificate), key: keyOf("--key", key) };
  return found ? { ...given, node: { node: found, ...pair } } : { ...given, clients: pair };
}

function textOf(option: string, file: string): string {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`${option} ${file}: the file cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Not refused: whoever could read the key has it already, and to import it makes nothing worse. */
function keyOf(option: string, file: string): string {
  const text = textOf(option, file);
  const stats = fs.statSync(file);
  if (stats.isFile() && (stats.mode & 0o044) !== 0)
    progress(
      `${option} ${file}: others on this computer may read it; chmod 600 ${quoted(file)}, and use another key if somebody has`,
    );
  return text;
}

/** A node that was applied and not retired since, for `importSecrets`. */
async function applied(
  { environment, inventory }: Chosen,
  root: string,
  silent: "counts" | "does-not",
): Promise<string | undefined> {
  const { nodes, reach } = inventory;
  const spec = ({ name }: TopologyNode): string => nodeFolder(stateOf(inventory, root), environment, name).spec;
  const looks = nodes.map(async (node) => {
    const there = reach ? isThere(node.address, spec(node), reach, root) : Promise.resolve(fs.existsSync(spec(node)));
    return there.then(
      (is) => (is ? `${node.name} has been applied` : undefined),
      (error: Error) => (silent === "counts" ? `${node.name} may have been applied (${error.message})` : undefined),
    );
  });
  return (await Promise.all(looks)).find((each) => each !== undefined);
}

function importText({
  environment,
  store,
  stored,
  removed,
  missing,
  missingForClients,
}: SecretsImportDocument): string {
  const lines = [
    ...stored.map((name) => `stored ${name}`),
    ...removed.map((name) => `removed ${name}, which is of no use with this authority`),
    `${colours.green(`${environment}: ${stored.length > 0 ? "it fits, and is stored" : "it is stored already"}`)}, in ${store}`,
  ];
  const command = `npx redis-ha secrets import --env ${environment}`;
  if (missing.length > 0) {
    lines.push(
      "Without the authority's key, each node needs a certificate from you, for serverAuth and clientAuth. Missing are those of:",
      ...missing.map(
        ({ node, dns, addresses }) => `- ${node}, naming DNS ${dns.join(", ")} and IP ${addresses.join(", ")}`,
      ),
      `then: ${command} --node ${missing[0]?.node} --certificate FILE --key FILE`,
    );
  }
  if (missingForClients) {
    lines.push(
      `Clients have to show a certificate, and there is none for them. With one for clientAuth: ${command} --clients --certificate FILE --key FILE`,
    );
  }
  if (missing.length > 0 || missingForClients) return lines.join("\n");
  return [...lines, `To bring it to nodes that run: npx redis-ha converge --env ${environment}`].join("\n");
}
