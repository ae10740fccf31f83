import fs from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { HostInput } from "../../remote/steps.ts";
import { type NodeSpec, parseNodeSpec } from "../../topology/node-spec.ts";
import { stackPatterns } from "../not-applied.ts";
import { OVERRIDE } from "../override.ts";
import { refuseTooSmallHost } from "../roles/memory.ts";
import { ensureVolume, isMounted, releaseVolume } from "../roles/volume.ts";
import { say, tell } from "../step-output.ts";
import {
  asServiceUser,
  endAtFormerAddress,
  ensureRoles,
  hasNodes,
  hostFolder,
  rememberedSpec,
  rememberSpec,
  retireOnHost,
} from "./host-steps.ts";

/** `converge`: apply what was applied last; `up`: start what is not up. */
export type HostStep = "install" | "apply" | "retire" | "converge" | "up";

/**
 * A step on a node's host, as root: what only root can do, and the rest as the service user.
 * @throws with what is wrong, and what to do
 */
export function hereAsRoot(step: HostStep, input: HostInput): void {
  const env: Record<string, string> = input.override ? { [OVERRIDE]: "1" } : {};
  if (step === "retire") {
    const { environment, node } = input.node as NonNullable<HostInput["node"]>;
    const done = retireOnHost(environment, node, input.retired ?? [], env);
    return say(node, [...done, ...(hasNodes() ? [] : releaseVolume())]);
  }
  if (step === "converge" || step === "up") return again(step, input, env);
  const spec = specFrom(input);
  const { name } = spec.node;
  const mounted = input.volume === undefined ? [] : ensureVolume(input.volume);
  if (mounted.length > 0) say(name, mounted);
  const had = rememberedSpec(spec.environment, name);
  if (step === "apply" && had && !isDeepStrictEqual(had, spec)) asUser("check-secrets", spec, input, env);
  // Before anything is stopped, and not when it is applied again: that is no reason to leave a node down.
  refuseTooSmallHost(spec);
  const left = endAtFormerAddress(spec, env);
  if (left.length > 0) say(name, left);
  rememberSpec(spec);
  const changed = ensureRoles(spec, tell(name));
  if (step === "install" || changed.length > 0) say(name, changed);
  if (step === "apply") asUser("apply", spec, input, env);
}

function asUser(
  step: "check-secrets" | "apply",
  spec: NodeSpec,
  { bootstrap, secrets }: HostInput,
  env: Record<string, string>,
): void {
  const first: Record<string, string> = bootstrap ? { REDIS_HA_BOOTSTRAP: "1" } : {};
  const { root } = hostFolder(spec.environment, spec.node.name);
  // As input: arguments and environment of a process can be looked at.
  const input = JSON.stringify(secrets ?? null);
  asServiceUser(spec.engine, [step, root], { REDIS_HA_SPEC: JSON.stringify(spec), ...first, ...env }, input);
}

/**
 * What the node was last told to be, once more: by root what root was told, by the service user what is in the node's
 * folder, which is that user's and says nothing to root.
 * @throws when that is lost, and Terraform has not just said that the node is there
 */
function again(step: "converge" | "up", input: HostInput, env: Record<string, string>): void {
  const { environment, node } = input.node as NonNullable<HostInput["node"]>;
  const folder = hostFolder(environment, node);
  const isThere = fs.existsSync(folder.spec);
  const spec = rememberedSpec(environment, node) ?? (input.spec ? specFrom(input) : undefined);
  if (!isThere && !input.spec && fs.existsSync(folder.retired)) {
    return tell(node)("was retired; an apply brings it back");
  }
  if (!spec || (!isThere && !input.spec)) {
    throw new Error(
      `${node}: nothing of it is on its host. If this is an empty host in place of the one that was applied: ` +
        `npx redis-ha converge --env ${environment} --after-apply. If it was never applied, apply ${environment}`,
    );
  }
  const told = isThere ? spec : specFrom(input);
  // On the machine's own disk it would be out of sight, or in the way, once its volume is there: an apply mounts that first.
  if (told.target === "aws" && !isMounted()) {
    throw new Error(
      `${node}: the data volume of its machine is not mounted: apply its zone, ${stackPatterns(environment, "aws")} or its unit of Terragrunt`,
    );
  }
  rememberSpec(told);
  const changed = ensureRoles(told);
  if (changed.length > 0) say(node, changed);
  if (step === "up") return;
  if (isThere) asServiceUser(told.engine, ["apply-again", folder.root], env, JSON.stringify(input.secrets ?? null));
  else asUser("apply", told, input, env);
}

const specFrom = ({ spec }: HostInput): NodeSpec => parseNodeSpec(JSON.stringify(spec), "the spec");
