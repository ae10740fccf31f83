import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { format } from "prettier";

const require = createRequire(import.meta.url);

/** A resource type of the stand-in provider. */
interface ResourceType {
  /** The folder of its binding below `lib`. */
  readonly binding: string;
  /** Attributes whose change makes another resource. The bindings do not say: it is in the provider's own documentation. */
  readonly forceReplacement: readonly string[];
}

/** Everything that the stand-in serves, by provider and type. After a change here: `npx tsx test/standin/write-schemas.ts`. */
export const served: Readonly<Record<string, Readonly<Record<string, ResourceType>>>> = {
  null: { null_resource: { binding: "resource", forceReplacement: ["triggers"] } },
};

/** The folder of the stand-in provider's sources. */
export const providerFolder = path.join(import.meta.dirname, "provider");

/** An attribute's type as Terraform writes it in JSON. */
type AttributeType = string | readonly [kind: string, element: string];

export interface Attribute {
  readonly type: AttributeType;
  readonly required?: true;
  readonly optional?: true;
  readonly computed?: true;
  readonly forcesReplacement?: true;
}

/** `schemas/<provider>.json`: what the stand-in provider reads. */
export interface ProviderSchema {
  /** The version that the pinned binding was made from, and asks for. */
  readonly version: string;
  /** Attributes by resource type and name. */
  readonly resources: Readonly<Record<string, Readonly<Record<string, Attribute>>>>;
}

/**
 * What a pinned @cdktf/provider-<name> says of its provider.
 * @throws when a resource has something that is not read here, such as nested blocks
 */
export function schemaOf(provider: string, types = served[provider] ?? {}): ProviderSchema {
  const library = path.join(path.dirname(require.resolve(`@cdktf/provider-${provider}/package.json`)), "lib");
  const resources = Object.entries(types).map(([type, { binding, forceReplacement }]) => {
    const source = sourceOf(path.join(library, binding, "index.js"));
    return [type, attributesIn(source, type, forceReplacement)] as const;
  });
  const version = /providerVersion: '(.+)'/.exec(sourceOf(path.join(library, "provider", "index.js")))?.[1];
  if (version === undefined) throw new Error(`@cdktf/provider-${provider}: no version of its provider found`);
  return { version, resources: Object.fromEntries(resources) };
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

/** The TypeScript that a binding was compiled from: only its comments tell computed from optional attributes. */
function sourceOf(file: string): string {
  const map = /sourceMappingURL=data:application\/json;base64,(\S+)/.exec(fs.readFileSync(file, "utf8"))?.[1] ?? "";
  return (JSON.parse(Buffer.from(map, "base64").toString()) as { sourcesContent: [string] }).sourcesContent[0];
}

function attributesIn(source: string, type: string, forceReplacement: readonly string[]): Record<string, Attribute> {
  // Other classes of the file describe nested blocks.
  const resource = source.slice(source.indexOf(" extends cdktf.TerraformResource "));
  const attributes = [...resource.matchAll(/\/\/ (\w+) - computed: (\w+), optional: (\w+), required: (\w+)/g)].map(
    ([, name = "", computed, optional, required]): [string, Attribute] => [
      name,
      {
        type: typeOf(name, resource, type),
        ...(required === "true" ? { required: true } : {}),
        ...(optional === "true" ? { optional: true } : {}),
        ...(computed === "true" ? { computed: true } : {}),
        ...(forceReplacement.includes(name) ? { forcesReplacement: true } : {}),
      },
    ],
  );
  return Object.fromEntries(attributes);
}

/** The bindings' words for Terraform's types of an attribute's elements. */
const elements: Readonly<Record<string, string>> = { string: "string", number: "number", boolean: "bool" };

function typeOf(name: string, resource: string, type: string): AttributeType {
  const settable = new RegExp(
    `^ {6}${name}: \\{\\n.*\\n +isBlock: false,\\n +type: "(\\w+)",\\n +storageClassType: "([a-z]+)(?:List|Map)?",`,
    "m",
  ).exec(resource);
  const computed = new RegExp(`return this\\.get(String|Number|Boolean)Attribute\\('${name}'\\)`).exec(resource);
  const element = elements[settable?.[2] ?? computed?.[1]?.toLowerCase() ?? ""];
  if (element === undefined) {
    throw new Error(
      `${type}.${name}: only attributes of simple types are read so far; teach test/standin/schema.ts and the provider beside it`,
    );
  }
  const kind = settable?.[1] ?? "simple";
  return kind === "simple" ? element : [kind, element];
}
