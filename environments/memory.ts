import { mostDataMb } from "../topology/memory.ts";
import type { Environment } from "./environment.ts";
import { instanceType } from "./instance-types.ts";

/** What the kernel leaves of a machine's memory, at least: for example 7.6 of 8 GiB, 1.8 of 2. */
const SEEN_SHARE = 0.9;

/** Memory of each host in MiB; undefined where the description does not say. */
export function hostMemoryMb({ target }: Pick<Environment, "target">): number | undefined {
  if (target.kind === "local") return undefined;
  if (target.hostMemoryMb !== undefined || target.kind === "ssh") return target.hostMemoryMb;
  const type = instanceType(target.instanceType);
  return type && Math.floor(type.memoryMb * SEEN_SHARE);
}

/** Most memory that redis-server uses, in MiB: what the environment says, else what its hosts allow; undefined where neither is known. */
export function maxMemoryMb(environment: Pick<Environment, "target" | "settings">): number | undefined {
  const hosts = hostMemoryMb(environment);
  return environment.settings.maxMemoryMb ?? (hosts === undefined ? undefined : mostDataMb(hosts));
}
