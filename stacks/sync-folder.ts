import type { Dirent } from "node:fs";
import fs from "node:fs/promises";
import path from "node:path";

/**
 * Moves the files of a freshly written folder to where they are used, and leaves every file alone whose content is
 * the same: Terragrunt takes a changed time stamp for a changed source, and would initialize every unit again.
 * The deepest files move first, so that what refers to a file never arrives before it.
 *
 * @param from a folder on the same file system as `to`; it is used up
 */
export async function moveChangedFiles(from: string, to: string): Promise<void> {
  const files = (await filesBelow(from)).sort((a, b) => depth(b) - depth(a) || (a < b ? -1 : 1));
  for (const file of files) {
    const source = path.join(from, file);
    const target = path.join(to, file);
    if (await sameContent(source, target)) continue;
    await fs.mkdir(path.dirname(target), { recursive: true });
    await fs.rename(source, target);
  }
}

/**
 * Deletes the files below a folder that `keep` does not claim, and the folders that this empties.
 * @param keep is asked with each file's path relative to the folder
 */
export async function prune(folder: string, keep: (file: string) => boolean): Promise<void> {
  for (const file of await filesBelow(folder)) {
    if (!keep(file)) await fs.rm(path.join(folder, file), { force: true });
  }
  await removeEmptyFolders(folder);
}

/**
 * The files below a folder, as relative paths with forward slashes; none when there is no such folder.
 * What Terraform keeps in `.terraform*` is not looked at.
 */
export async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await entriesOf(folder)) {
    if (!entry.isDirectory()) files.push(entry.name);
    else for (const file of await filesBelow(path.join(folder, entry.name))) files.push(`${entry.name}/${file}`);
  }
  return files;
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await fs.readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => !entry.name.startsWith(".terraform"));
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

const depth = (file: string): number => file.split("/").length;

async function sameContent(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([fs.readFile(a), fs.readFile(b).catch(() => undefined)]);
  return right !== undefined && left.equals(right);
}

async function removeEmptyFolders(folder: string): Promise<void> {
  for (const entry of await entriesOf(folder)) {
    if (!entry.isDirectory()) continue;
    const inner = path.join(folder, entry.name);
    await removeEmptyFolders(inner);
    // Fails, as it should, when something is left in it.
    await fs.rmdir(inner).catch(() => undefined);
  }
}
