import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { onPath } from "../setup/computer.mjs";
import { withLock } from "../setup/lock.mjs";
import { cacheFolder } from "../setup/places.mjs";
import { say } from "../setup/run-step.mjs";

/**
 * Programs of another Debian release, unpacked into the cache folder and run with the libraries of that release.
 * Nothing is installed: the system's packages, sources and lists stay as they are, and root is not needed.
 */

/** The keys that sign Debian's releases; comes with every Debian. */
export const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** Lists and packages are about 25 MB. */
const timeoutMs = 180_000;
const workPrefix = ".unpacking-";

/** Why packages of Debian cannot be fetched on this computer. */
export class NoDebian extends Error {
  override name = "NoDebian";
}

/**
 * The folder with the programs of some packages, fetched when they are not in the cache yet. Their names are those of
 * `programs`; each is a script that becomes the program, so that its process id and its signals are the program's.
 * @param release code name, as "trixie"
 * @param programs what each name runs, by its path in the packages: `{ "redis-server": "usr/bin/redis-check-rdb" }`
 * @throws NoDebian when this computer has no Debian to fetch from, or it does not answer
 */
export async function debianPrograms(
  release: string,
  packages: readonly string[],
  programs: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const parent = path.join(cacheFolder(env), "debian");
  const target = path.join(parent, [release, ...packages].join("-"));
  const bin = path.join(target, "bin");
  if (existsSync(bin)) return bin;
  const archives = await archivesOf(env);
  await withLock(path.join(cacheFolder(env), "locks", path.basename(target)), async () => {
    if (existsSync(bin)) return;
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(parent)) {
      if (name.startsWith(`${workPrefix}${path.basename(target)}.`)) remove(path.join(parent, name));
    }
    const work = mkdtempSync(path.join(parent, `${workPrefix}${path.basename(target)}.`));
    try {
      say(`Fetching ${packages.join(" and ")} of Debian ${release} into ${parent} (once, about 10 s)`);
      const archive = await download(work, release, archives, packages, env);
      const root = path.join(work, "root");
      await unpack(archive, root, env);
      writePrograms(root, target, programs);
      renameSync(root, target);
    } finally {
      remove(work);
    }
  });
  return bin;
}

/**
 * The addresses that this Debian's own packages come from: mirrors that work here.
 * @throws NoDebian when this computer is none, or has no such source
 */
export async function archivesOf(env: NodeJS.ProcessEnv): Promise<string[]> {
  if (onPath("apt-get", env).length === 0) throw new NoDebian("this computer has no apt-get");
  const system = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  const codename = /^VERSION_CODENAME="?([a-z]+)/m.exec(system)?.[1];
  if (!/^ID="?debian"?$/m.test(system) || codename === undefined || !existsSync(keyring)) {
    throw new NoDebian("this computer is not a Debian");
  }
  const { stdout } = await execa("apt-get", ["update", "--print-uris"], { env, timeout: timeoutMs }).catch(refuse);
  const archives = [...stdout.matchAll(/^'([^']+)\/dists\/([^/']+)\/InRelease'/gm)]
    .filter(([, , suite]) => suite === codename || suite === "stable")
    .map(([, archive = ""]) => archive);
  if (archives.length === 0) throw new NoDebian(`the sources of apt have no Debian ${codename}`);
  return [...new Set(archives)];
}

/** Fetches the packages and everything that they depend on. @returns the folder with the files */
async function download(
  work: string,
  release: string,
  archives: readonly string[],
  packages: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const folder = (name: string): string => {
    const made = path.join(work, name);
    mkdirSync(path.join(made, "partial"), { recursive: true });
    return made;
  };
  const cached = folder("archives");
  // An empty status file: nothing counts as installed, so that all libraries come along.
  writeFileSync(path.join(work, "status"), "");
  const list = path.join(work, "sources.list");
  const options = Object.entries({
    "Dir::State": work,
    "Dir::State::status": path.join(work, "status"),
    "Dir::State::lists": folder("lists"),
    "Dir::Cache": work,
    "Dir::Cache::archives": cached,
    "Dir::Etc::sourcelist": list,
    "Dir::Etc::sourceparts": "-",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    // The user that root's downloads run as cannot enter the cache folder.
    ...(process.getuid?.() === 0 ? { "APT::Sandbox::User": "root" } : {}),
  }).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  const apt = (...args: string[]) =>
    execa("apt-get", [...options, "-q", ...args], { env, timeout: timeoutMs, all: true });

  let refusal: unknown;
  for (const archive of archives) {
    writeFileSync(list, `deb [signed-by=${keyring} target=Packages] ${archive} ${release} main\n`);
    try {
      await apt("update", "--error-on=any");
      await apt("install", "-y", "--no-install-recommends", "--download-only", ...packages);
      return cached;
    } catch (error) {
      refusal = error;
    }
  }
  return refuse(refusal);
}

/** Keeps the libraries and the programs in usr/bin of the servers; the rest, some of it set-user-id, goes. */
async function unpack(archive: string, root: string, env: NodeJS.ProcessEnv): Promise<void> {
  for (const name of readdirSync(archive).filter((it) => it.endsWith(".deb"))) {
    await execa("dpkg-deb", ["-x", path.join(archive, name), root], { env, timeout: timeoutMs });
  }
  const keepOnly = (folder: string, wanted: RegExp): void => {
    for (const name of readdirSync(folder)) if (!wanted.test(name)) remove(path.join(folder, name));
  };
  keepOnly(root, /^(usr|lib.*)$/);
  keepOnly(path.join(root, "usr"), /^(bin|lib.*)$/);
  keepOnly(path.join(root, "usr/bin"), /^(redis|valkey)-/);
}

/** @param target where `root` will lie */
function writePrograms(root: string, target: string, programs: Readonly<Record<string, string>>): void {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" });
  const loader = files.find((file) => /^ld-linux.*\.so\.\d+$/.test(path.basename(file)));
  const libc = files.find((file) => path.basename(file) === "libc.so.6");
  if (loader === undefined || libc === undefined) throw new Error(`the packages in ${root} have no C library`);
  const architecture = path.basename(path.dirname(libc));
  const libraries = ["lib", "usr/lib"].map((folder) => path.join(target, folder, architecture)).join(":");
  mkdirSync(path.join(root, "bin"));
  for (const [name, file] of Object.entries(programs)) {
    // A copy of the link that the package of the service has: these programs look at the name they are called by.
    const program = path.join(path.dirname(file), name);
    if (!existsSync(path.join(root, program))) symlinkSync(path.basename(file), path.join(root, program));
    const words = [path.join(target, loader), "--library-path", libraries, path.join(target, program)];
    const script = `#!/bin/sh\nexec ${words.map(quoted).join(" ")} "$@"\n`;
    writeFileSync(path.join(root, "bin", name), script, { mode: 0o755 });
  }
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

const remove = (file: string): void => rmSync(file, { recursive: true, force: true });

function refuse(error: unknown): never {
  const { shortMessage, all, stderr, message } = error as Partial<Record<string, string>>;
  const said = (all ?? stderr ?? "").split("\n").filter((line) => line.startsWith("E: "));
  throw new NoDebian(said.length > 0 ? `apt-get says ${said.join("; ")}` : (shortMessage ?? message));
}
