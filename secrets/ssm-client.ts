import type * as Ssm from "@aws-sdk/client-ssm";
import { loadSdk } from "../aws/load-sdk.ts";

/** The account's limit is some 3 writes a second, and an init of three nodes writes 17; the SDK waits in between. */
const MAX_ATTEMPTS = 6;

/** AWS's own client of Parameter Store, with the operator's credentials. @throws when its package is not installed */
export async function ssmClient(region: string): Promise<{ sdk: typeof Ssm; client: Ssm.SSMClient }> {
  const sdk = await loadSdk("@aws-sdk/client-ssm", () => import("@aws-sdk/client-ssm"));
  return { sdk, client: new sdk.SSMClient({ region, maxAttempts: MAX_ATTEMPTS }) };
}
