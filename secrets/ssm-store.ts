import type * as Ssm from "@aws-sdk/client-ssm";
import type { SecretsPlace } from "../topology/inventory.ts";
import { ssmClient } from "./ssm-client.ts";
import { ssmError } from "./ssm-error.ts";
import { checkName, isSecretName, type SecretStore } from "./store.ts";

type SsmPlace = Extract<SecretsPlace, { kind: "ssm" }>;
type Sdk = typeof Ssm;

/** What a parameter of the standard tier holds, in bytes. */
const VALUE_MAX = 4096;
/** Secrets as parameters of type SecureString in the Parameter Store of AWS Systems Manager, one below `place.path` each. */
export async function openSsmStore(place: SsmPlace): Promise<SecretStore> {
  const { sdk, client } = await ssmClient(place.region);
  return new SsmStore(sdk, client, place);
}

class SsmStore implements SecretStore {
  constructor(
    private readonly sdk: Sdk,
    private readonly client: Ssm.SSMClient,
    private readonly place: SsmPlace,
  ) {}

  describe(): string {
    return `Parameter Store in ${this.place.region}, below ${this.place.path}`;
  }

  async list(): Promise<string[]> {
    const prefix = `${this.place.path}/`;
    const names: string[] = [];
    let NextToken: string | undefined;
    do {
      const asked = { Path: this.place.path, Recursive: true, WithDecryption: false, NextToken };
      const page = await this.client
        .send(new this.sdk.GetParametersByPathCommand(asked))
        .catch((error: unknown) => this.fail("GetParametersByPath", this.place.path, error));
      for (const { Name = "" } of page.Parameters ?? []) {
        const name = Name.slice(prefix.length);
        if (Name.startsWith(prefix) && isSecretName(name)) names.push(name);
      }
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return names.sort();
  }

  async changed(name: string): Promise<Date | undefined> {
    return (await this.get(name, false))?.LastModifiedDate;
  }

  async read(name: string): Promise<string | undefined> {
    return (await this.get(name, true))?.Value;
  }

  async write(name: string, value: string, { ifAbsent = false } = {}): Promise<boolean> {
    const Name = this.parameter(name);
    const bytes = Buffer.byteLength(value);
    if (bytes === 0 || bytes > VALUE_MAX)
      throw new Error(`${Name}: the value has ${bytes} bytes, and Parameter Store takes 1 to ${VALUE_MAX}`);
    const { kmsKeyId: KeyId } = this.place;
    try {
      await this.client.send(
        new this.sdk.PutParameterCommand({
          Name,
          Value: value,
          Type: "SecureString",
          Tier: "Standard",
          Overwrite: !ifAbsent,
          ...(KeyId === undefined ? {} : { KeyId }),
        }),
      );
      return true;
    } catch (error) {
      if (ifAbsent && error instanceof this.sdk.ParameterAlreadyExists) return false;
      return this.fail("PutParameter", Name, error);
    }
  }

  async remove(name: string): Promise<void> {
    const Name = this.parameter(name);
    try {
      await this.client.send(new this.sdk.DeleteParameterCommand({ Name }));
    } catch (error) {
      if (!(error instanceof this.sdk.ParameterNotFound)) this.fail("DeleteParameter", Name, error);
    }
  }

  private parameter(name: string): string {
    checkName(name);
    return `${this.place.path}/${name}`;
  }

  private async get(name: string, WithDecryption: boolean): Promise<Ssm.Parameter | undefined> {
    const Name = this.parameter(name);
    const found = await this.client.send(new this.sdk.GetParameterCommand({ Name, WithDecryption })).catch((error) => {
      if (error instanceof this.sdk.ParameterNotFound) return undefined;
      return this.fail("GetParameter", Name, error);
    });
    const parameter = found?.Parameter;
    if (parameter && parameter.Type !== "SecureString")
      throw new Error(
        `${Name} is a ${parameter.Type}, which everybody who may list parameters can read; store it as a SecureString, with another value`,
      );
    return parameter;
  }

  private fail(action: string, parameter: string, error: unknown): never {
    throw ssmError(action, parameter, this.place, error);
  }
}
