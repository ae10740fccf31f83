import { describe } from "vitest";
import { findTerraform } from "../../tools/setup/binaries.mjs";
import { NoStandIn, standInProvider } from "../standin/build.ts";

const registryTimeoutMs = 5000;
const registry = (await findTerraform()).name === "tofu" ? "registry.opentofu.org" : "registry.terraform.io";

/** Whether the real providers can be downloaded here. Asked once a test file. */
export const registryAnswers: boolean = await fetch(`https://${registry}/.well-known/terraform.json`, {
  signal: AbortSignal.timeout(registryTimeoutMs),
}).then(
  async (response) => {
    await response.body?.cancel();
    return response.ok;
  },
  () => false,
);

const providers = registryAnswers ? {} : await standInOrNothing();
if (!registryAnswers && providers) {
  console.warn(`${registry} cannot be reached: a stand-in serves in place of Terraform's providers (test/standin)`);
}

/** Whether stacks that need a provider can be applied here at all; where not, it has been said why. */
export const haveProviders = providers !== undefined;

/**
 * The environment for Terraform, OpenTofu, cdktf and Terragrunt with stacks that need a provider: empty where the real
 * ones can be downloaded, else it names the stand-in, with which a run shows nothing about the real provider.
 */
export const providerEnvironment: Readonly<Record<string, string>> = providers ?? {};

/** Tests that need a provider; skipped, with a word why, where there is neither the registry nor the stand-in. */
export const describeWithProviders = describe.skipIf(!haveProviders);

/** The environment that names the stand-in; undefined, with a word why, where it cannot be built. */
export async function standInOrNothing(): Promise<Record<string, string> | undefined> {
  try {
    return await standInProvider();
  } catch (error) {
    if (!(error instanceof NoStandIn)) throw error;
    console.warn(`SKIPPED, the tests that need the stand-in provider: ${error.message}`);
    return undefined;
  }
}
