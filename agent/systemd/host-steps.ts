import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { HOST_PROGRAM, HOST_STATE } from "../../topology/host-places.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { appliedSpec, type NodeFolder, nodeFolder } from "../node-folder.ts";
import { advice } from "../roles/advice.ts";
import { base } from "../roles/base.ts";
import { kernel } from "../roles/kernel.ts";
import { memory } from "../roles/memory.ts";
import type { HostRole } from "../roles/role.ts";
import { disableUnits, units } from "../roles/units.ts";

/** In this order: each needs what those before it bring. */
const ROLES: readonly HostRole[] = [memory, base, kernel, units, advice];

/**
 * Brings what a node needs to its host, as root.
 * @returns what was changed, in words
 */
export function ensureRoles(spec: NodeSpec, warn: (line: string) => void): string[] {
  return ROLES.flatMap(({ ensure }) => ensure(spec, warn));
}

export const hostFolder = (environment: string, node: string): NodeFolder => nodeFolder(HOST_STATE, environment, node);

/**
 * Runs a step as the service user: what it writes is that user's, and it can do no more than that user.
 * @throws when it fails; it has said why
 */
export function asServiceUser(engine: string, step: readonly string[], env: Record<string, string>): void {
  const { status } = spawnSync("runuser", ["-u", engine, "--", process.execPath, HOST_PROGRAM, "host", ...step], {
    cwd: "/",
    stdio: ["ignore", "inherit", "inherit"],
    env: { PATH: process.env["PATH"], LANG: "C", HOME: HOST_STATE, ...env },
  });
  if (status !== 0) throw new Error(`${step[0]} failed`);
}

/**
 * Stops a node for good; its data stays.
 * @param gone nodes that were retired before
 * @returns what was done, in words
 */
export function retireOnHost(
  environment: string,
  node: string,
  gone: readonly string[],
  env: Record<string, string>,
): string[] {
  const folder = hostFolder(environment, node);
  const spec = appliedSpec(folder);
  if (!spec) return [];
  asServiceUser(spec.engine, ["leave", ...gone, folder.root], env);
  const done = disableUnits(spec);
  fs.renameSync(folder.spec, folder.retired);
  return done;
}
