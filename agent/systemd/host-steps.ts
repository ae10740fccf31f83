import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { HOST_PROGRAM, HOST_SPECS, HOST_STATE } from "../../topology/host-places.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { type NodeFolder, nodeFolder, specIn } from "../node-folder.ts";
import { advice } from "../roles/advice.ts";
import { base } from "../roles/base.ts";
import { kernel } from "../roles/kernel.ts";
import { ensureFile, type HostRole } from "../roles/role.ts";
import { disableUnits, units } from "../roles/units.ts";

/** In this order: each needs what those before it bring. */
const ROLES: readonly HostRole[] = [base, kernel, units, advice];

/**
 * Brings what a node needs to its host, as root.
 * @param warn told what the host should have and cannot @default - it was applied before, and nothing is said again
 * @returns what was changed, in words
 */
export function ensureRoles(spec: NodeSpec, warn?: (line: string) => void): string[] {
  const roles = warn ? ROLES : ROLES.filter((role) => role !== advice);
  return roles.flatMap(({ ensure }) => ensure(spec, warn ?? (() => undefined)));
}

const specFile = (environment: string, node: string): string => `${HOST_SPECS}/${environment}-${node}.json`;

/** Notes as root what a node is. Its own folder is the service user's, and says nothing to root. */
export function rememberSpec(spec: NodeSpec): void {
  ensureFile(specFile(spec.environment, spec.node.name), JSON.stringify(spec));
}

/** Is there a node on this host that was not retired? */
export const hasNodes = (): boolean => fs.existsSync(HOST_SPECS) && fs.readdirSync(HOST_SPECS).length > 0;

/** What root was told last that the node is. */
export const rememberedSpec = (environment: string, node: string): NodeSpec | undefined =>
  specIn(specFile(environment, node));

export const hostFolder = (environment: string, node: string): NodeFolder => nodeFolder(HOST_STATE, environment, node);

/**
 * Runs a step as the service user: what it writes is that user's, and it can do no more than that user.
 * @param input what it reads, where it reads anything
 * @throws when it fails; it has said why
 */
export function asServiceUser(engine: string, step: readonly string[], env: Record<string, string>, input = ""): void {
  const { status } = spawnSync("runuser", ["-u", engine, "--", process.execPath, HOST_PROGRAM, "host", ...step], {
    cwd: "/",
    input,
    stdio: ["pipe", "inherit", "inherit"],
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
  const { root } = hostFolder(environment, node);
  const spec = rememberedSpec(environment, node);
  if (!spec) return [];
  asServiceUser(spec.engine, ["leave", ...gone, root], env);
  const done = disableUnits(spec);
  asServiceUser(spec.engine, ["retired", root], env);
  fs.rmSync(specFile(environment, node));
  return done;
}

/**
 * Ends a node that still runs where it was: its address has changed, and the retire did not find its host there any more.
 * Killed half-way, it is done again, as only its last step forgets the former address.
 * @param spec the node as it is to be
 * @returns what was done, in words; nothing when it was retired where it was, or never was elsewhere
 * @throws when it is reached there, and the others could not go on without it; it runs on then
 */
export function endAtFormerAddress({ environment, node }: NodeSpec, env: Record<string, string>): string[] {
  const former = rememberedSpec(environment, node.name);
  if (!former || former.node.address === node.address) return [];
  return [`left ${former.node.address}`, ...retireOnHost(environment, node.name, [], env)];
}
