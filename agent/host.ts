import fs from "node:fs";
import path from "node:path";
import type { Described } from "../remote/request.ts";
import type { Reach } from "../remote/reach.ts";
import type { HostInput } from "../remote/steps.ts";
import { onHost } from "../topology/host-places.ts";
import type { Inventory } from "../topology/inventory.ts";
import type { NodeSecrets } from "../topology/node-secrets.ts";
import { type NodeSpec, parseNodeSpec } from "../topology/node-spec.ts";
import { appliedSpec, folderHere, type NodeFolder, nodeFolderAt, projectRoot, readIfThere } from "./node-folder.ts";
import { say, tell } from "./step-output.ts";
import { hostFolder } from "./systemd/host-steps.ts";

// What a step needs is loaded by it: each start of Node counts, some on every start of a server.

const usage = `redis-ha host <step>: what a provisioner or a supervisor runs on a node. People use the other commands.

  install            check that the node can run here     (REDIS_HA_SPEC holds the node's spec as JSON)
  apply              make the node what its spec says      (REDIS_HA_SPEC)
  retire             stop the node for good, keep its data (REDIS_HA_NODE: {"environment", "node"})
                     With REDIS_HA_REACH, how the node's host is reached over ssh, the three are done there.
  expect-data, forget-data   note that a volume for the node's data is to be made, or is gone (REDIS_HA_NODE)
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
        else if (argv.includes("--here")) await asRoot(step);
        else await onThisComputer(step);
        return 0;
      case "expect-data":
      case "forget-data":
        await noteData(step);
        return 0;
      case "converge":
      case "up":
        await asRoot(step);
        return 0;
      case "check-secrets": {
        const { ofNode } = await import("./apply.ts");
        const { refuseOtherSecrets } = await import("./other-secrets.ts");
        const { readShare } = await import("./secrets.ts");
        const [spec, secrets] = [specFromEnvironment(), fromRoot()];
        if (secrets) await refuseOtherSecrets(spec, readShare(folder()), ofNode(spec, secrets));
        return 0;
      }
      case "apply-again": {
        const { applySpec } = await import("./apply.ts");
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
        const { leave } = await import("./retire.ts");
        const spec = applied(folder());
        const done = await leave(spec, folder(), tell(spec.node.name), rest.slice(0, -1));
        // The stop of its units is told after it.
        if (done.length > 0) say(spec.node.name, done);
        return 0;
      }
      case "stop": {
        const { handOverToStop, stopNode } = await import("./operations.ts");
        const spec = applied(folder());
        const stop = onHost(spec) ? handOverToStop : stopNode;
        say(spec.node.name, await stop(spec, folder(), tell(spec.node.name)));
        return 0;
      }
      case "prestart": {
        const [name] = rest;
        if (name !== "redis" && name !== "sentinel") throw new Error(`prestart of ${name}: say redis or sentinel`);
        const { prestartHook } = await import("./systemd/hooks.ts");
        await prestartHook(name, folder(), tell(name));
        return 0;
      }
      case "run": {
        const { Resident } = await import("./resident.ts");
        return await new Resident(folder()).run();
      }
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

/** Notes, where the operators' secrets are, whether a node may have data. A witness has a volume, too, and may have been another kind of node. */
async function noteData(step: "expect-data" | "forget-data"): Promise<void> {
  const { environment, node } = nodeFromEnvironment();
  const from = described(environment);
  // Its secrets are where the description said.
  if (!from) return say(node, [`${environment} is not described any more; it is not noted that its data is gone`]);
  const { openStore } = await import("../secrets/open-store.ts");
  const { expectData, forgetData } = await import("../secrets/group-marks.ts");
  const store = await openStore(from, projectRoot());
  if (step === "expect-data") return expectData(store, node);
  const others = await forgetData(store, node);
  const may =
    others.length > 0 ? `${others.join(", ")} may have data still` : "no node has data; the next apply begins anew";
  say(node, [`its volume is gone; ${may}`]);
}

async function asRoot(step: ProvisionerStep | "converge" | "up"): Promise<void> {
  const { hereAsRoot } = await import("./systemd/as-root.ts");
  hereAsRoot(step, JSON.parse(fs.readFileSync(0, "utf8")) as HostInput);
}

async function onThisComputer(step: ProvisionerStep): Promise<void> {
  if (step === "retire") {
    const { refuseToMoveSeveral } = await import("./relocate.ts");
    const { retire } = await import("./retire.ts");
    const { environment, node } = nodeFromEnvironment();
    const folder = folderHere(environment, node);
    await refuseToMoveSeveral(folder, described(environment)?.inventory.nodes ?? []);
    return say(node, await retire(folder, { report: tell(node) }));
  }
  const spec = specFromEnvironment();
  if (step === "install") {
    const { install } = await import("./install.ts");
    return say(spec.node.name, await install(spec));
  }
  const { name } = spec.node;
  const folder = onHost(spec) ? hostFolder(spec.environment, name) : folderHere(spec.environment, name);
  const secrets = onHost(spec) ? fromRoot() : await shareHere(spec);
  const { applySpec } = await import("./apply.ts");
  say(name, await applySpec(spec, folder, { report: tell(name), secrets }));
}

async function shareHere(spec: NodeSpec): Promise<NodeSecrets | undefined> {
  const { shareOfLocal } = await import("../secrets/share.ts");
  return shareOfLocal(spec, described(spec.environment), projectRoot());
}

/** A node's share, as input from root, who has it from the operator's computer; undefined where nothing was sent. */
const fromRoot = (): NodeSecrets | undefined =>
  (JSON.parse(fs.readFileSync(0, "utf8")) as NodeSecrets | null) ?? undefined;

/** Once more on the node's host, as root, with what the operator's side knows as input. */
async function overSsh(step: ProvisionerStep): Promise<void> {
  const { applyOverSsh, retireOverSsh } = await import("../remote/steps.ts");
  const reach = JSON.parse(required("REDIS_HA_REACH")) as Reach;
  if (step === "retire") {
    const node = nodeFromEnvironment();
    return retireOverSsh(node, described(node.environment), reach, projectRoot());
  }
  const spec = specFromEnvironment();
  const from = described(spec.environment);
  if (!from) throw new Error(`${spec.environment} is not in cdktf.out/environments.json; synthesize, and apply again`);
  const volume = process.env["REDIS_HA_VOLUME"];
  return applyOverSsh(step, spec, reach, from, projectRoot(), volume === "" ? undefined : volume);
}

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
