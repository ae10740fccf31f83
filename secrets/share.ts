import type { Described } from "../remote/request.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import type { NodeSecrets } from "../topology/node-secrets.ts";
import { nodeSecrets } from "./node-secrets.ts";
import { readyStore } from "./open-store.ts";

/**
 * What a node on this computer gets of the secrets; they are made if there are none.
 * @param from the environment as it was synthesized, if it is there: where its secrets are
 * @param root the checkout
 */
export async function shareOfLocal(spec: NodeSpec, from: Described | undefined, root: string): Promise<NodeSecrets> {
  const { environment, masterName, node } = spec;
  const { secrets = { kind: "file" }, clientCertificates = false } = from?.inventory ?? {};
  const inventory = { target: "local", masterName, nodes: allNodes(spec), secrets, clientCertificates } as const;
  return nodeSecrets(await readyStore({ environment, inventory }, root), environment, node, spec.tls === true);
}
