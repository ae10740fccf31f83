import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { whyNoNamespaces } from "../../drill/namespaces.ts";
import { NamespacedCluster } from "../../drill/namespaced-cluster.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { specsOf } from "../../topology/render.ts";
import { buildBundle } from "../../tools/bundle.ts";

const why = whyNoNamespaces();
if (why !== undefined) console.warn(`SKIPPED, no partition is tested: ${why}`);

/** Tests that need network namespaces; skipped, with a word why, where there are none. */
export const describeInNamespaces = describe.skipIf(why !== undefined);

/** The specs of an environment as a synth would write them. */
export const specsFrom = (environment: EnvironmentInput): NodeSpec[] => specsOf(parseEnvironment(environment));

/** The program of the nodes, built for the tests of one suite. @returns how to get its path */
export function builtProgram(): () => string {
  let folder = "";
  const program = (): string => path.join(folder, "redis-ha.cjs");
  beforeAll(async () => {
    folder = fs.mkdtempSync("/tmp/rha-program-");
    await buildBundle(program());
    // Where the checkout's program finds what only the operator's computer needs.
    fs.symlinkSync(path.resolve("node_modules"), path.join(folder, "node_modules"));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
  return program;
}

/** A cluster in namespaces for the tests of one suite. @returns how to get it */
export function namespacedCluster(environment: EnvironmentInput): () => NamespacedCluster {
  const program = builtProgram();
  let cluster: NamespacedCluster | undefined;
  beforeAll(async () => {
    cluster = await NamespacedCluster.start(specsFrom(environment), program());
  });
  afterAll(() => cluster?.remove());
  return () => {
    if (!cluster) throw new Error("the cluster did not start");
    return cluster;
  };
}
