import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { findTerraform, searchGo } from "../../tools/setup/binaries.mjs";
import { withLock } from "../../tools/setup/lock.mjs";
import { cacheFolder } from "../../tools/setup/places.mjs";
import { runStep } from "../../tools/setup/run-step.mjs";
import { providerFolder, type ProviderSchema } from "./schema.ts";

/** The hosts in the full names of providers: Terraform's and OpenTofu's. */
const registries = ["registry.terraform.io", "registry.opentofu.org"];

/** The stand-in cannot be built on this computer; the message says what is missing. */
export class NoStandIn extends Error {}

/**
 * The stand-in provider for tests, built now if these sources never were (about 1.5 minutes on 2 cores, once a user).
 *
 * @returns the environment with which Terraform, OpenTofu, cdktf and Terragrunt use it. It names a configuration file in
 *   this project's own cache folder, where nothing looks that is not told to, and no other provider is found with it.
 * @throws NoStandIn without Go, or without the Go modules it is made from
 */
export async function standInProvider(): Promise<
  Record<"TF_CLI_CONFIG_FILE" | "CDKTF_DISABLE_PLUGIN_CACHE_ENV", string>
> {
  const platform = await platformOfTerraform();
  const folder = path.join(cacheFolder(process.env), "standin-provider");
  const target = path.join(folder, fingerprint(platform));
  const configuration = path.join(target, "standin.tfrc");
  if (!fs.existsSync(configuration)) {
    await withLock(path.join(cacheFolder(process.env), "locks", "standin-provider"), async (alsoOwnedBy) => {
      if (!fs.existsSync(configuration)) await build(target, platform, alsoOwnedBy);
    });
  }
  // cdktf would put the stand-in into the user's own plugin cache, in the place of the real provider.
  return { TF_CLI_CONFIG_FILE: configuration, CDKTF_DISABLE_PLUGIN_CACHE_ENV: "1" };
}

/** The folder appears when all of it is there; what a killed build left is removed by the next one. */
async function build(target: string, platform: string, alsoOwnedBy: (pid: number) => void): Promise<void> {
  const go = await searchGo(process.env);
  if (!go.found) throw new NoStandIn("a provider for Terraform needs Go to be built; https://go.dev/dl has it");
  const prefix = ".build-";
  const parent = path.dirname(target);
  fs.mkdirSync(parent, { recursive: true });
  for (const name of fs.readdirSync(parent)) if (name.startsWith(prefix)) remove(path.join(parent, name));
  const work = fs.mkdtempSync(path.join(parent, prefix));
  try {
    const [os = "", arch = ""] = platform.split("_");
    const [cwd, command, onStart] = [providerFolder, go.found.path, alsoOwnedBy];
    const env = { ...process.env, GOWORK: "off", GOFLAGS: "-mod=readonly", CGO_ENABLED: "0", GOOS: os, GOARCH: arch };
    await runStep({
      title: "Fetching the Go modules of the tests' stand-in provider",
      about: "about 20 seconds",
      ...{ cwd, command, onStart, env },
      args: ["mod", "download"],
    }).catch((error: unknown) => {
      throw new NoStandIn(`the Go modules of the stand-in provider cannot be fetched: ${(error as Error).message}`);
    });
    const program = path.join(work, "provider");
    await runStep({
      title: "Building the tests' stand-in provider",
      about: "about 1.5 minutes on 2 cores",
      ...{ cwd, command, onStart, env },
      args: ["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, "."],
    });
    layOutMirror(path.join(work, "mirror"), program, platform);
    fs.rmSync(program);
    fs.writeFileSync(path.join(work, "standin.tfrc"), configurationText(path.join(target, "mirror")));
    remove(target);
    fs.renameSync(work, target);
  } finally {
    remove(work);
  }
}

/** One program under the name of every provider that has a schema, where Terraform looks for it in a mirror. */
function layOutMirror(mirror: string, program: string, platform: string): void {
  for (const file of fs.readdirSync(path.join(providerFolder, "schemas"))) {
    const provider = path.basename(file, ".json");
    const text = fs.readFileSync(path.join(providerFolder, "schemas", file), "utf8");
    const { version } = JSON.parse(text) as ProviderSchema;
    for (const registry of registries) {
      const folder = path.join(mirror, registry, "hashicorp", provider, version, platform);
      fs.mkdirSync(folder, { recursive: true });
      fs.linkSync(program, path.join(folder, `terraform-provider-${provider}_v${version}`));
    }
  }
}

const configurationText = (mirror: string): string => `provider_installation {
  filesystem_mirror {
    path    = ${JSON.stringify(mirror)}
    include = ${JSON.stringify(registries.map((registry) => `${registry}/hashicorp/*`))}
  }
}
`;

/** A name that is another one for other sources. */
function fingerprint(platform: string): string {
  const hash = createHash("sha256").update(platform);
  for (const source of [import.meta.filename, ...filesOf(providerFolder)]) {
    hash.update(`\0${path.basename(source)}\0`).update(fs.readFileSync(source));
  }
  return hash.digest("hex").slice(0, 16);
}

const filesOf = (folder: string): string[] =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();

/** As linux_amd64: Terraform may have been built for another one than Node. */
async function platformOfTerraform(): Promise<string> {
  const { stdout } = await execa((await findTerraform()).path, ["version", "-json"]);
  return (JSON.parse(stdout) as { platform: string }).platform;
}

const remove = (folder: string): void => fs.rmSync(folder, { recursive: true, force: true });
