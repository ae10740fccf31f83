import fs from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { applyOverSsh, type HostInput, retireOverSsh } from "../remote/steps.ts";
import type { Reach } from "../remote/ssh.ts";
import { onHost } from "../topology/host-places.ts";
import type { Inventory } from "../topology/inventory.ts";
import { shareOfLocal } from "../secrets/share.ts";
import type { NodeSecrets } from "../topology/node-secrets.ts";
import { type NodeSpec, parseNodeSpec } from "../topology/node-spec.ts";
import { applySpec, ofNode } from "./apply.ts";
import { install } from "./install.ts";
import { refuseOtherSecrets } from "./other-secrets.ts";
import { readShare } from "./secrets.ts";
import type { Described } from "../remote/request.ts";
import { appliedSpec, type NodeFolder, folderHere, nodeFolderAt, projectRoot, readIfThere } from "./node-folder.ts";
import { NOTHING_TO_CHANGE, applyCommands } from "./not-applied.ts";
import { refuseToMoveSeveral } from "./relocate.ts";
import { OVERRIDE } from "./gate.ts";
import { handOverToStop, stopNode } from "./operations.ts";
import { Resident } from "./resident.ts";
import { leave, retire } from "./retire.ts";
import { refuseTooSmallHost } from "./roles/memory.ts";
import { prestartHook } from "./systemd/hooks.ts";
import {
  asServiceUser,
  endAtFormerAddress,
  ensureRoles,
  hostFolder,
  rememberedSpec,
  rememberSpec,
  retireOnHost,
} from "./systemd/host-steps.ts";

const usage = `redis-ha host <step>: what a provisioner or a supervisor runs on a node. People use the other commands.

  install            check that the node can run here     (REDIS_HA_SPEC holds the node's spec as JSON)
  apply              make the node what its spec says      (REDIS_HA_SPEC)
  retire             stop the node for good, keep its data (REDIS_HA_NODE: {"environment", "node"})
                     With REDIS_HA_REACH, how the node's host is reached over ssh, the three are done there.
  stop <node folder>  hand the master's role over before redis-server stops; without systemd, stop it too
  converge --here, up --here   apply again what was applied last; start what is not up (on a host, as root)
  prestart <server> <node folder>   decide the role before systemd starts redis or sentinel
  run <node folder>  the resident agent: keep the node's servers running`;

/** @returns the exit code: 0 done, 1 could not be done, 2 wrong use */
export async function host(argv: readonly string[]): Promise<number> {
  const [step, ...rest] = argv;
  const folder = (): NodeFolder => nodeFolderAt(rest.at(-1) ?? "");
  try {
    switch (step) {
      case "install":
      case "apply":
      case "retire":
        if (process.env["REDIS_HA_REACH"]) await overSsh(step);
        else if (argv.includes("--here")) hereAsRoot(step);
        else await onThisComputer(step);
        return 0;
      case "converge":
      case "up":
        hereAsRoot(step);
        return 0;
      case "check-secrets": {
        const [spec, secrets] = [specFromEnvironment(), fromRoot()];
        if (secrets) await refuseOtherSecrets(spec, readShare(folder()), ofNode(spec, secrets));
        return 0;
      }
      case "apply-again": {
        const spec = applied(folder());
        say(spec.node.name, await applySpec(spec, folder(), { report: tell(spec.node.name), secrets: fromRoot() }));
        return 0;
      }
      case "retired":
        if (fs.existsSync(folder().spec)) fs.renameSync(folder().spec, folder().retired);
        return 0;
      case "leave": {
        // One whose retire was killed after this step has left.
        if (!fs.existsSync(folder().spec)) return 0;
        const spec = applied(folder());
        const done = await leave(spec, folder(), tell(spec.node.name), rest.slice(0, -1));
        // The stop of its units is told after it.
        if (done.length > 0) say(spec.node.name, done);
        return 0;
      }
      case "stop": {
        const spec = applied(folder());
        const stop = onHost(spec) ? handOverToStop : stopNode;
        say(spec.node.name, await stop(spec, folder(), tell(spec.node.name)));
        return 0;
      }
      case "prestart": {
        const [name] = rest;
        if (name !== "redis" && name !== "sentinel") throw new Error(`prestart of ${name}: say redis or sentinel`);
        await prestartHook(name, folder(), tell(name));
        return 0;
      }
      case "run":
        return await new Resident(folder()).run();
      default:
        process.stderr.write(`${usage}\n`);
        return step === undefined || step === "--help" ? 0 : 2;
    }
  } catch (error) {
    process.stderr.write(`redis-ha host ${step}: ${(error as Error).message}\n`);
    return 1;
  }
}

type ProvisionerStep = "install" | "apply" | "retire";
/** `converge`: apply what was applied last; `up`: start what is not up. */
type HostStep = ProvisionerStep | "converge" | "up";

async function onThisComputer(step: ProvisionerStep): Promise<void> {
  if (step === "retire") {
    const { environment, node } = nodeFromEnvironment();
    const folder = folderHere(environment, node);
    await refuseToMoveSeveral(folder, described(environment)?.inventory.nodes ?? []);
    return say(node, await retire(folder, { report: tell(node) }));
  }
  const spec = specFromEnvironment();
  if (step === "install") return say(spec.node.name, await install(spec));
  const { name } = spec.node;
  const folder = onHost(spec) ? hostFolder(spec.environment, name) : folderHere(spec.environment, name);
  const secrets = onHost(spec) ? fromRoot() : await shareOfLocal(spec, described(spec.environment), projectRoot());
  say(name, await applySpec(spec, folder, { report: tell(name), secrets }));
}

/** A node's share, as input from root, who has it from the operator's computer; undefined where nothing was sent. */
const fromRoot = (): NodeSecrets | undefined =>
  (JSON.parse(fs.readFileSync(0, "utf8")) as NodeSecrets | null) ?? undefined;

/** Once more on the node's host, as root, with what the operator's side knows as input. */
async function overSsh(step: ProvisionerStep): Promise<void> {
  const reach = JSON.parse(required("REDIS_HA_REACH")) as Reach;
  if (step === "retire") {
    const node = nodeFromEnvironment();
    return retireOverSsh(node, described(node.environment), reach, projectRoot());
  }
  const spec = specFromEnvironment();
  const from = described(spec.environment);
  if (!from) throw new Error(`${spec.environment} is not in cdktf.out/environments.json; synthesize, and apply again`);
  return applyOverSsh(step, spec, reach, from, projectRoot());
}

function hereAsRoot(step: HostStep): void {
  const input = JSON.parse(fs.readFileSync(0, "utf8")) as HostInput;
  const env: Record<string, string> = input.override ? { [OVERRIDE]: "1" } : {};
  if (step === "retire") {
    const { environment, node } = input.node as NodeInput;
    return say(node, retireOnHost(environment, node, input.retired ?? [], env));
  }
  if (step === "converge" || step === "up") return again(step, input, env);
  const spec = specFrom(input);
  const { name } = spec.node;
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
  const { environment, node } = input.node as NodeInput;
  const folder = hostFolder(environment, node);
  const isThere = fs.existsSync(folder.spec);
  const spec = rememberedSpec(environment, node) ?? (input.spec ? specFrom(input) : undefined);
  if (!isThere && !input.spec && fs.existsSync(folder.retired)) {
    return tell(node)("was retired; an apply brings it back");
  }
  if (!spec || (!isThere && !input.spec)) {
    throw new Error(
      `${node}: nothing of it is on its host. If this is an empty host in place of the one that was applied: ` +
        `npx redis-ha converge --env ${environment} --after-apply. If it was never applied: ${applyCommands(environment, true)}`,
    );
  }
  const told = isThere ? spec : specFrom(input);
  rememberSpec(told);
  const changed = ensureRoles(told);
  if (changed.length > 0) say(node, changed);
  if (step === "up") return;
  if (isThere) asServiceUser(told.engine, ["apply-again", folder.root], env, JSON.stringify(input.secrets ?? null));
  else asUser("apply", told, input, env);
}

const specFrom = ({ spec }: HostInput): NodeSpec => parseNodeSpec(JSON.stringify(spec), "the spec");

interface NodeInput {
  readonly environment: string;
  readonly node: string;
  readonly address: string;
}

const nodeFromEnvironment = (): NodeInput => JSON.parse(required("REDIS_HA_NODE")) as NodeInput;

/** An environment as it was synthesized; undefined when it, or all of it, is gone. */
function described(environment: string): Described | undefined {
  const json = readIfThere(path.join(projectRoot(), "cdktf.out", "environments.json"));
  const inventory = json === undefined ? undefined : (JSON.parse(json) as Inventory).environments[environment];
  return inventory && { environment, inventory };
}

function required(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set; this step is run by Terraform's provisioners`);
  return value;
}

function applied(folder: NodeFolder): NodeSpec {
  const spec = appliedSpec(folder);
  if (!spec) throw new Error(`${folder.spec} is missing: this node was never applied`);
  return spec;
}

const specFromEnvironment = (): NodeSpec => parseNodeSpec(required("REDIS_HA_SPEC"), "REDIS_HA_SPEC");

/** What is waited for, on the error stream: it is no result. */
const tell =
  (node: string) =>
  (line: string): void =>
    void process.stderr.write(`${node}: ${line}\n`);

function say(node: string, done: readonly string[]): void {
  process.stdout.write(`${node}: ${done.length > 0 ? done.join(", ") : NOTHING_TO_CHANGE}\n`);
}
