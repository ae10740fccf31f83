import { createRequire } from "node:module";
import path from "node:path";
import { format } from "prettier";
import { type Block, blockIn, sourceOf } from "./binding.ts";
import { served, type ServedProvider } from "./served.ts";

const require = createRequire(import.meta.url);

/** The folder of the stand-in provider's sources. */
export const providerFolder = path.join(import.meta.dirname, "provider");

/** `schemas/<provider>.json`: what the stand-in provider reads. */
export interface ProviderSchema {
  /** The version that the pinned binding was made from, and asks for. */
  readonly version: string;
  readonly resources: Readonly<Record<string, Block>>;
  readonly dataSources?: Readonly<Record<string, Block>>;
  /** The provider's own configuration, where there is any. */
  readonly provider?: Block;
}

/**
 * What a pinned @cdktf/provider-<name> says of its provider.
 * @throws when a binding has something that is not read here, or has not what is said to force a replacement
 */
export function schemaOf(provider: string, { resources, dataSources = {} } = servedOf(provider)): ProviderSchema {
  const library = path.join(path.dirname(require.resolve(`@cdktf/provider-${provider}/package.json`)), "lib");
  const source = (binding: string): string => sourceOf(path.join(library, binding, "index.js"));
  const version = /providerVersion: '(.+)'/.exec(source("provider"))?.[1];
  if (version === undefined) throw new Error(`@cdktf/provider-${provider}: no version of its provider found`);
  // Terraform takes the alias of a provider for itself.
  const configuration = Object.entries(blockIn(source("provider"))).filter(([name]) => name !== "alias");
  return {
    version,
    ...(configuration.length > 0 ? { provider: Object.fromEntries(configuration) } : {}),
    resources: valuesOf(resources, ({ binding, forceReplacement }, type) =>
      forceReplacement.reduce(
        (block, name) => withReplacement(block, name.split("."), `${type}.${name}`),
        withOwnId(blockIn(source(binding))),
      ),
    ),
    ...(Object.keys(dataSources).length > 0
      ? { dataSources: valuesOf(dataSources, (binding) => blockIn(source(binding))) }
      : {}),
  };
}

function servedOf(provider: string): ServedProvider {
  const found = served[provider];
  if (!found) throw new Error(`${provider}: not a provider that test/standin/served.ts has`);
  return found;
}

/** The file of each provider's schema, and the text that belongs there. */
export async function schemaFiles(): Promise<{ file: string; text: string }[]> {
  return Promise.all(
    Object.keys(served).map(async (provider) => ({
      file: path.join(providerFolder, "schemas", `${provider}.json`),
      text: await format(JSON.stringify(schemaOf(provider)), { parser: "json", printWidth: 120 }),
    })),
  );
}

/** Bindings let the id of most resources be set, and say themselves that the provider may refuse it: AWS's does. */
const withOwnId = (block: Block): Block => ({ ...block, id: { type: "string", computed: true } });

function withReplacement(block: Block, [name = "", ...inner]: readonly string[], whole: string): Block {
  const member = block[name];
  if (member && "type" in member && inner.length === 0)
    return { ...block, [name]: { ...member, forcesReplacement: true } };
  if (member && "block" in member && inner.length > 0)
    return { ...block, [name]: { ...member, members: withReplacement(member.members, inner, whole) } };
  throw new Error(`${whole}: no such attribute; correct test/standin/served.ts`);
}

const valuesOf = <From, To>(
  from: Readonly<Record<string, From>>,
  change: (value: From, key: string) => To,
): Record<string, To> => Object.fromEntries(Object.entries(from).map(([key, value]) => [key, change(value, key)]));
