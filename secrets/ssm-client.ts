import type * as Ssm from "@aws-sdk/client-ssm";

/** The account's limit is some 3 writes a second, and an init of three nodes writes 17; the SDK waits in between. */
const MAX_ATTEMPTS = 6;

/** AWS's own client of Parameter Store, with the operator's credentials. @throws when its package is not installed */
export async function ssmClient(region: string): Promise<{ sdk: typeof Ssm; client: Ssm.SSMClient }> {
  // Which Node a later version of the SDK will need is nothing that an operator can act on.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  // Loaded here: it is as large as all the rest, and most environments do not need it.
  const sdk = await import("@aws-sdk/client-ssm").catch(() => {
    throw new Error("the npm package @aws-sdk/client-ssm cannot be loaded; npm ci in the checkout");
  });
  return { sdk, client: new sdk.SSMClient({ region, maxAttempts: MAX_ATTEMPTS }) };
}
