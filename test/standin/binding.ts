import fs from "node:fs";

/** Reads what a CDKTF binding knows of its provider's schema. Only the TypeScript that it was compiled from has it. */

/** An attribute's type as Terraform writes it in JSON, as `"string"` or `["set", ["object", { port: "number" }]]`. */
export type AttributeType = string | readonly [kind: string, element: AttributeType | Record<string, AttributeType>];

interface Usage {
  readonly required?: true;
  readonly optional?: true;
  readonly computed?: true;
}

export interface Attribute extends Usage {
  readonly type: AttributeType;
  readonly forcesReplacement?: true;
}

/** Attributes in braces of their own: one (`single`), or a list or set of them. */
export interface NestedBlock {
  readonly block: "single" | "list" | "set";
  readonly min?: 1;
  readonly max?: 1;
  readonly members: Block;
}

/** Attributes and nested blocks by name. */
export type Block = Readonly<Record<string, Attribute | NestedBlock>>;

/** The TypeScript that a binding was compiled from. */
export function sourceOf(file: string): string {
  const map = /sourceMappingURL=data:application\/json;base64,(\S+)/.exec(fs.readFileSync(file, "utf8"))?.[1] ?? "";
  return (JSON.parse(Buffer.from(map, "base64").toString()) as { sourcesContent: [string] }).sourcesContent[0];
}

/**
 * The schema of a binding's resource, data source or provider.
 * @throws when it has something that is not read here
 */
export function blockIn(source: string): Block {
  // Each interface begins a section on one kind of block, and the class after them all is the binding itself.
  const sections = source.split(/^(?=export interface |export class \w+ extends cdktf\.Terraform)/m);
  const structs = new Map(sections.map((text) => [/^export interface (\w+)/.exec(text)?.[1], text]));
  const main = sections.findLast((text) => text.startsWith("export class")) ?? "";
  const config = sections.find((text) => text.includes(" extends cdktf.TerraformMetaArguments")) ?? "";
  return membersOf(main, config, structs);
}

type Structs = ReadonlyMap<string | undefined, string>;

/** @param declaration where the members are declared, for a section without comments on each */
function membersOf(section: string, declaration: string, structs: Structs): Block {
  const entries = entriesIn(section);
  const commented = [
    ...section.matchAll(/^ {2}\/\/ (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n([^]*?)^ {2}\}/gm),
  ];
  const members = commented.map(([, name = "", computed, optional, required, getter = ""]) => {
    const usage: Usage = {
      ...(required === "true" ? { required: true } : {}),
      ...(optional === "true" ? { optional: true } : {}),
      ...(computed === "true" ? { computed: true } : {}),
    };
    return [name, memberOf(name, usage, entries.get(name), getter, structs)] as const;
  });
  if (members.length > 0) return Object.fromEntries(members);
  // The blocks of a provider's configuration have no classes, and with them no comments.
  return Object.fromEntries(
    [...entries].map(([name, entry]) => {
      const property = /\b(?:this\._|struct!\.)(\w+)/.exec(entry.value)?.[1] ?? "";
      const optional = new RegExp(`^ {2}readonly ${property}\\?:`, "m").test(declaration);
      return [name, memberOf(name, optional ? { optional: true } : { required: true }, entry, "", structs)];
    }),
  );
}

/** What a binding says for HCL of what can be set. */
interface Entry {
  readonly value: string;
  readonly kind: string;
  readonly storage: string;
}

const entriesIn = (section: string): Map<string, Entry> =>
  new Map(
    [
      ...section.matchAll(
        /^ +(\w+): \{\n +value: (.*),\n +isBlock: \w+,\n +type: "(\w+)",\n +storageClassType: "(\w+)",/gm,
      ),
    ].map(([, name = "", value = "", kind = "", storage = ""]) => [name, { value, kind, storage }]),
  );

function memberOf(
  name: string,
  usage: Usage,
  entry: Entry | undefined,
  getter: string,
  structs: Structs,
): Attribute | NestedBlock {
  if (!entry) return { type: typeOfComputed(name, getter, structs), ...usage };
  const { kind, storage, value } = entry;
  const simple = elements[storage.replace(/(?:List|Map)$/, "")];
  if (simple !== undefined) return { type: kind === "simple" ? simple : [kind, simple], ...usage };
  const struct = structs.get(kind === "struct" ? storage : storage.replace(/List$/, ""));
  if (struct === undefined || (kind !== "struct" && kind !== "list" && kind !== "set")) throw notRead(name, value);
  const members = membersOf(struct, struct, structs);
  // A list of objects in the form of an attribute: `ingress = []` is not the same as no ingress at all.
  if (/^cdktf\.listMapperHcl\(\w+, false\)/.test(value)) return { type: [kind, objectOf(members)], ...usage };
  const one = !value.startsWith("cdktf.listMapperHcl(");
  return {
    block: kind === "struct" ? "single" : kind,
    ...(usage.required && kind !== "struct" ? { min: 1 } : {}),
    ...(one && kind !== "struct" ? { max: 1 } : {}),
    members,
  };
}

/** The bindings' words for Terraform's types of an attribute's elements. */
const elements: Readonly<Record<string, string>> = { string: "string", number: "number", boolean: "bool" };

/** What can only be read has no entry for HCL: its getter tells its type. */
function typeOfComputed(name: string, getter: string, structs: Structs): AttributeType {
  const simple = /return (cdktf\.Fn\.tolist\()?this\.get(String|Number|Boolean)?(List|Map)?Attribute\(/.exec(getter);
  if (simple) {
    const [, set, word = "String", collection] = simple;
    const element = elements[word.toLowerCase()] ?? "";
    return collection === undefined ? element : [set === undefined ? collection.toLowerCase() : "set", element];
  }
  const map = /new cdktf\.(String|Number|Boolean)Map\(/.exec(getter)?.[1];
  if (map !== undefined) return ["map", elements[map.toLowerCase()] ?? ""];
  const [, list, set] = /new (\w+)List\(this, "\w+", (true|false)\)/.exec(getter) ?? [];
  const struct = structs.get(list);
  if (struct === undefined) throw notRead(name, getter);
  return [set === "true" ? "set" : "list", objectOf(membersOf(struct, struct, structs))];
}

/** Attributes of an object say nothing of who sets them. */
const objectOf = (members: Block): AttributeType => [
  "object",
  Object.fromEntries(
    Object.entries(members).map(([name, member]) => [
      name,
      "type" in member ? member.type : [member.block, objectOf(member.members)],
    ]),
  ),
];

const notRead = (name: string, text: string): Error =>
  new Error(`${name}: of a type that test/standin/binding.ts does not read: ${text.trim()}`);
