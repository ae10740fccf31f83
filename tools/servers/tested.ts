import path from "node:path";
import { onPath, versionOf } from "../setup/computer.mjs";
import { debianPrograms, NoDebian } from "./debian.ts";

/** A server that the project is tested with: the table of keys holds what each of them says. */
export interface TestedServer {
  /** As the table and the tests name it: `redis 7.0`. */
  readonly name: string;
  readonly engine: "redis" | "valkey";
  readonly version: string;
  /** The Debian release that has it. */
  readonly release: string;
}

export const testedServers: readonly TestedServer[] = [
  { name: "redis 7.0", engine: "redis", version: "7.0", release: "bookworm" },
  { name: "redis 8.0", engine: "redis", version: "8.0", release: "trixie" },
  { name: "valkey 8.1", engine: "valkey", version: "8.1", release: "trixie" },
];

/** Absolute paths. */
export interface ServerPrograms {
  readonly server: string;
  readonly sentinel: string;
}

/**
 * The programs of a tested server: those on PATH when they have its version, else those of its Debian release, which
 * are fetched into the cache folder once.
 * @returns `missing`, the reason, where they cannot be had
 */
export async function programsOf(
  { engine, version, release }: TestedServer,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ServerPrograms | { missing: string }> {
  const [server] = onPath(`${engine}-server`, env);
  const [sentinel] = onPath(`${engine}-sentinel`, env);
  if (server !== undefined && sentinel !== undefined) {
    const installed = await versionOf("redis", server, env);
    if (installed?.startsWith(`${version}.`)) return { server, sentinel };
  }
  try {
    const bin = await fetched(release, env);
    return { server: path.join(bin, `${engine}-server`), sentinel: path.join(bin, `${engine}-sentinel`) };
  } catch (error) {
    if (!(error instanceof NoDebian)) throw error;
    return { missing: `not on PATH, and Debian ${release} cannot be asked: ${error.message}` };
  }
}

/** All tested servers of a release at once: its package lists are most of the work. */
function fetched(release: string, env: NodeJS.ProcessEnv): Promise<string> {
  const engines = testedServers.filter((it) => it.release === release).map(({ engine }) => engine);
  const programs = engines.flatMap((engine) =>
    ["server", "sentinel"].map((name) => [`${engine}-${name}`, `usr/bin/${engine}-check-rdb`] as const),
  );
  return debianPrograms(
    release,
    engines.map((engine) => `${engine}-tools`),
    Object.fromEntries(programs),
    env,
  );
}
