import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { archivesOf, keyring } from "../servers/debian.ts";
import { withLock } from "../setup/lock.mjs";
import { cacheFolder } from "../setup/places.mjs";
import { enclosed, STEP_TIMEOUT_MS } from "./enclosed.ts";
import { type Image, type Recipe, recipeOf, type Release, repository } from "./recipe.ts";
import { writeIndex } from "./repository.ts";
import { requireSpace } from "./space.ts";

/** Both images of a release take 600 MB; the rest is what apt needs on the way. */
const NEEDED_MB = 1000;
const workPrefix = ".building-";

/**
 * The root file system that the hosts of a lab share, read only. The images of a release are built together, once for
 * each recipe, and kept in the cache folder of the user; two who want them at once build them once.
 * @param tell is told what takes long
 * @throws when this computer has no Debian to fetch from, when the disk is too small, or with what a step said
 */
export async function baseImage(
  image: Image,
  release: Release,
  tell: (line: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const recipe = recipeOf(release);
  const key = `${release}-${createHash("sha256").update(JSON.stringify(recipe)).digest("hex").slice(0, 12)}`;
  const parent = path.join(cacheFolder(env), "lab");
  const target = path.join(parent, key);
  if (!fs.existsSync(target)) {
    await withLock(path.join(cacheFolder(env), "locks", `lab-${key}`), async () => {
      if (!fs.existsSync(target)) await build(parent, key, release, recipe, tell, env);
    });
  }
  return path.join(target, image);
}

async function build(
  parent: string,
  key: string,
  release: Release,
  recipe: Recipe,
  tell: (line: string) => void,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  fs.mkdirSync(parent, { recursive: true, mode: 0o700 });
  for (const name of fs.readdirSync(parent)) {
    if (name.startsWith(`${workPrefix}${key}.`)) remove(path.join(parent, name));
  }
  requireSpace(parent, NEEDED_MB);
  const archives = await archivesOf(env);
  const work = fs.mkdtempSync(path.join(parent, `${workPrefix}${key}.`));
  try {
    const bare = path.join(work, "bare");
    const packages = path.join(work, "packages");
    tell(`Debian ${release} by debootstrap (once, about 1 minute)`);
    await installDebian(bare, release, archives, recipe, env);
    tell(`${recipe.packages.length} packages for the hosts`);
    await fetchPackages(bare, recipe, env);
    await enclosed(["--root", bare, "--mount-proc"], ["sh", "-c", recipe.prepare], env);
    tell("the image with these packages");
    await execa("cp", ["-a", bare, packages], { timeout: STEP_TIMEOUT_MS });
    const install = ["sh", "-c", recipe.install, "sh", ...recipe.packages];
    await enclosed(["--root", packages, "--mount-proc", "--net"], install, env);
    fs.renameSync(work, path.join(parent, key));
  } finally {
    remove(work);
  }
}

/** From the first of the archives that answers. */
async function installDebian(
  root: string,
  release: Release,
  archives: readonly string[],
  recipe: Recipe,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const options = ["--variant=minbase", `--keyring=${keyring}`, `--include=${recipe.bare.join(",")}`];
  let refusal: unknown;
  for (const archive of archives) {
    try {
      await enclosed(["--mount-proc"], ["debootstrap", ...options, release, root, archive], env);
      return;
    } catch (error) {
      refusal = error;
      remove(root);
    }
  }
  throw refusal;
}

/** Fetches what the bare root lacks of the packages, and makes the repository in it. */
async function fetchPackages(root: string, recipe: Recipe, env: NodeJS.ProcessEnv): Promise<void> {
  const fetch = `
    set -e
    apt-get clean
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends --download-only "$@"`;
  await enclosed(["--root", root, "--mount-proc"], ["sh", "-c", fetch, "sh", ...recipe.packages], env);
  const archives = path.join(root, "var/cache/apt/archives");
  const folder = path.join(root, repository);
  fs.mkdirSync(folder);
  for (const name of fs.readdirSync(archives).filter((it) => it.endsWith(".deb"))) {
    fs.renameSync(path.join(archives, name), path.join(folder, name));
  }
  await writeIndex(folder);
  // For the user that apt fetches as, whatever the umask is here.
  for (const file of [folder, path.join(folder, "Packages")]) fs.chmodSync(file, 0o755);
}

const remove = (folder: string): void => fs.rmSync(folder, { recursive: true, force: true });
