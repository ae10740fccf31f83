import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import fs from "node:fs/promises";
import path from "node:path";
import { checkName, isSecretName, type SecretStore } from "./store.ts";
import { ownedAlone } from "./ownership.ts";

/** What a write leaves when it is killed. No secret has such a name. */
const unfinished = /^\.[^/]+\.tmp$/;
/** A write takes milliseconds: a file that was begun this long ago has no writer any more. */
const ABANDONED_MS = 60_000;

/**
 * Secrets as files of mode 0600 in a folder of mode 0700, each folder below it as well. What others could read or have
 * put there is refused, with the command that mends it.
 */
export class FileStore implements SecretStore {
  /** @param folder absolute path; made at the first write */
  constructor(private readonly folder: string) {}

  describe(): string {
    return `the folder ${this.folder}`;
  }

  async list(): Promise<string[]> {
    const names: string[] = [];
    const look = async (below: string): Promise<void> => {
      const folder = path.join(this.folder, below);
      if (!(await this.folderIsThere(folder))) return;
      await removeAbandoned(folder);
      for (const entry of await fs.readdir(folder)) {
        const name = path.posix.join(below, entry);
        if (!isSecretName(name)) continue;
        const stats = await ifThere(fs.lstat(path.join(this.folder, name)));
        if (stats?.isDirectory()) await look(name);
        else if (stats) {
          ownedAlone(path.join(this.folder, name), stats, "file");
          names.push(name);
        }
      }
    };
    await look("");
    return names.sort();
  }

  async changed(name: string): Promise<Date | undefined> {
    const file = await this.open(name);
    if (!file) return undefined;
    try {
      return (await file.stat()).mtime;
    } finally {
      await file.close();
    }
  }

  async read(name: string): Promise<string | undefined> {
    const file = await this.open(name);
    if (!file) return undefined;
    try {
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  }

  async write(name: string, value: string, { ifAbsent = false } = {}): Promise<boolean> {
    const file = this.fileOf(name);
    const folder = path.dirname(file);
    await this.makeFolders(folder);
    await removeAbandoned(folder);
    const temporary = path.join(folder, `.${path.basename(file)}.${randomBytes(6).toString("hex")}.tmp`);
    try {
      await writeNew(temporary, value);
      if (!ifAbsent) await fs.rename(temporary, file);
      else if (!(await linked(temporary, file))) return false;
      await flush(folder);
      return true;
    } finally {
      await fs.rm(temporary, { force: true });
    }
  }

  async remove(name: string): Promise<void> {
    const file = this.fileOf(name);
    if (!(await this.foldersAreThere(path.dirname(file)))) return;
    await fs.rm(file, { force: true });
    await flush(path.dirname(file));
  }

  private fileOf(name: string): string {
    checkName(name);
    return path.join(this.folder, name);
  }

  /** Opens first and looks then: what was looked at is what is read. */
  private async open(name: string): Promise<fs.FileHandle | undefined> {
    const file = this.fileOf(name);
    if (!(await this.foldersAreThere(path.dirname(file)))) return undefined;
    const stats = await ifThere(fs.lstat(file));
    if (!stats) return undefined;
    ownedAlone(file, stats, "file");
    const handle = await ifThere(fs.open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
    try {
      if (handle) ownedAlone(file, await handle.stat(), "file");
      return handle;
    } catch (error) {
      await handle?.close();
      throw error;
    }
  }

  /** The store's own folder and those below it on the way to this one. */
  private levels(folder: string): string[] {
    const parts = path.relative(this.folder, folder).split(path.sep).filter(Boolean);
    return [this.folder, ...parts.map((_, index) => path.join(this.folder, ...parts.slice(0, index + 1)))];
  }

  private async foldersAreThere(folder: string): Promise<boolean> {
    for (const level of this.levels(folder)) if (!(await this.folderIsThere(level))) return false;
    return true;
  }

  private async folderIsThere(folder: string): Promise<boolean> {
    const stats = await ifThere(fs.lstat(folder));
    if (stats) ownedAlone(folder, stats, "folder");
    return stats !== undefined;
  }

  private async makeFolders(folder: string): Promise<void> {
    await fs.mkdir(path.dirname(this.folder), { recursive: true, mode: 0o700 });
    for (const level of this.levels(folder)) {
      try {
        await fs.mkdir(level, { mode: 0o700 });
        await flush(path.dirname(level));
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
      }
      await this.folderIsThere(level);
    }
  }
}

async function writeNew(file: string, value: string): Promise<void> {
  const handle = await fs.open(file, "wx", 0o600);
  try {
    await handle.writeFile(value);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** @returns false when there is a file of this name: of several at once, one gets it */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await fs.link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Without it, a power cut could take back the name of a file that is safe itself. */
async function flush(folder: string): Promise<void> {
  const handle = await fs.open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  for (const entry of await fs.readdir(folder)) {
    if (!unfinished.test(entry)) continue;
    const file = path.join(folder, entry);
    const stats = await ifThere(fs.lstat(file));
    if (stats && Math.abs(Date.now() - stats.mtimeMs) > ABANDONED_MS) await fs.rm(file, { force: true });
  }
}

async function ifThere<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
