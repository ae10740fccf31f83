import { ssmClient } from "../secrets/ssm-client.ts";
import { ssmError } from "../secrets/ssm-error.ts";

/** What a parameter that is no secret says; undefined where there is none. @throws when Parameter Store cannot be asked */
export async function textOfParameter(name: string, region: string): Promise<string | undefined> {
  const { sdk, client } = await ssmClient(region);
  const found = await client.send(new sdk.GetParameterCommand({ Name: name })).catch((error: unknown) => {
    if (error instanceof sdk.ParameterNotFound) return undefined;
    throw ssmError("GetParameter", name, { region }, error);
  });
  return found?.Parameter?.Value;
}
