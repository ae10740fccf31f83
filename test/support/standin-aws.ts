import fs from "node:fs/promises";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { temporaryFolder } from "./synth.ts";
import { terraformWith } from "./terraform.ts";

export type Attributes = Readonly<Record<string, unknown>>;

/** A folder for Terraform with the stand-in for hashicorp/aws, and what exists there instead of in AWS. */
export class StandInAws {
  /** What exists, as `<type>/<id>.json`. */
  public readonly store: string;
  private readonly folder: string;
  private readonly env: Readonly<Record<string, string>>;

  private constructor(folder: string, standIn: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.store = path.join(folder, "store");
    this.env = { ...standIn, STANDIN_STORE: this.store };
  }

  /** @param standIn the environment of `standInProvider` */
  public static async create(standIn: Readonly<Record<string, string>>, document: object): Promise<StandInAws> {
    const made = new StandInAws(await temporaryFolder(), standIn);
    await made.write(document);
    await made.run(["init"]);
    return made;
  }

  /** @param document all of Terraform's configuration */
  public async write(document: object): Promise<void> {
    await fs.writeFile(path.join(this.folder, "it.tf.json"), JSON.stringify(document, undefined, 2));
  }

  /** Terraform's output. @throws with it, in one line, when Terraform fails */
  public async run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const output = await terraformWith({ ...this.env, ...env })(this.folder, ...args).catch((error: unknown) => {
      // Terraform breaks the lines of messages to fit into its frame.
      throw new Error(stripVTControlCharacters((error as Error).message).replaceAll(/\s*\n[│\s]*/g, " "));
    });
    return stripVTControlCharacters(output);
  }

  public readonly plan = (env?: Readonly<Record<string, string>>): Promise<string> => this.run(["plan"], env);
  public readonly apply = (env?: Readonly<Record<string, string>>): Promise<string> =>
    this.run(["apply", "-auto-approve"], env);
  public readonly destroy = (env?: Readonly<Record<string, string>>): Promise<string> =>
    this.run(["destroy", "-auto-approve"], env);

  public async outputs(): Promise<Attributes> {
    const all = JSON.parse(await this.run(["output", "-json"])) as Record<string, { value: unknown }>;
    return Object.fromEntries(Object.entries(all).map(([name, { value }]) => [name, value]));
  }

  /** What exists of a type, by id. */
  public async existing(type: string): Promise<Record<string, Attributes>> {
    const folder = path.join(this.store, type);
    const files = await fs.readdir(folder).catch(() => []);
    const read = async (file: string) =>
      [
        path.basename(file, ".json"),
        JSON.parse(await fs.readFile(path.join(folder, file), "utf8")) as Attributes,
      ] as const;
    return Object.fromEntries(await Promise.all(files.map(read)));
  }

  /** The one that exists of a type. */
  public async only(type: string): Promise<Attributes> {
    const [first, ...more] = Object.values(await this.existing(type));
    if (!first || more.length > 0) throw new Error(`there are ${first ? more.length + 1 : 0} of ${type}`);
    return first;
  }

  /** As if somebody had made it in AWS, or changed it there. */
  public async put(type: string, id: string, attributes: Attributes): Promise<void> {
    const file = path.join(this.store, type, `${id}.json`);
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, JSON.stringify({ id, ...attributes }));
  }

  /** As if it had been lost in AWS. */
  public async lose(type: string, id: unknown): Promise<void> {
    await fs.rm(path.join(this.store, type, `${String(id)}.json`));
  }
}
