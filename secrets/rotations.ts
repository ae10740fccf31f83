import type { InventoryEnvironment } from "../topology/inventory.ts";
import {
  authorityStage,
  beginAuthority,
  forgetAuthority,
  nextAuthority,
  previousAuthorityFile,
  replaceAuthority,
} from "./authorities.ts";
import { authorityName, initSecrets, updateRevision } from "./init.ts";
import { isIssuedBy, ofClients, ofNode, renewCertificate } from "./issued.ts";
import { beginRotation, finishRotation, replacePasswords, rotationStage } from "./rotation.ts";
import type { SecretStore } from "./store.ts";

/** What is replaced while everything runs, and in which steps. */

export const rotations = ["passwords", "certificates", "authority"] as const;
export type Rotation = (typeof rotations)[number];

/** `begun`: some nodes take the next ones. `waiting`: the previous and the next ones are right, until it is finished. */
export type Stage = "none" | "begun" | "waiting";

/** What is changed in the store, and then told to every node. */
export interface Step {
  readonly change?: () => Promise<void>;
  /** What holds when every node has been told. */
  readonly then: string;
}

export const stageOf = (what: Rotation, store: SecretStore): Promise<Stage> => {
  if (what === "passwords") return rotationStage(store);
  return what === "authority" ? authorityStage(store) : Promise.resolve("none");
};

/**
 * What is left to do from where the store stands; whatever is done twice changes nothing the second time.
 * @param finish end what waits for the clients
 * @throws when it cannot be finished yet
 */
export async function stepsOf(
  what: Rotation,
  store: SecretStore,
  { masterName, nodes, clientCertificates }: Pick<InventoryEnvironment, "masterName" | "nodes" | "clientCertificates">,
  finish: boolean,
): Promise<Step[]> {
  const stage = await stageOf(what, store);
  const inStore = (change: () => Promise<unknown>) => async (): Promise<void> => {
    await change();
    await updateRevision(store);
  };
  switch (what) {
    case "passwords":
      if (!finish) {
        const say = "every node says the next passwords";
        if (stage === "waiting") return [{ then: say }];
        return [
          { change: inStore(() => beginRotation(store)), then: "every node takes the next passwords, too" },
          { change: inStore(() => replacePasswords(store)), then: say },
        ];
      }
      if (stage === "begun")
        throw new Error("the next passwords are not everywhere yet; run it without --finish first");
      return [
        // Killed half-way, or where a node could not be told, a node may say the previous ones still.
        { then: "every node says the present passwords" },
        { change: inStore(() => finishRotation(store)), then: "every node takes only the present passwords" },
      ];
    case "certificates":
      if (finish) throw new Error("new certificates need no --finish: they are shown at once");
      return [
        {
          change: inStore(async () => {
            for (const node of nodes) await renewCertificate(store, ofNode(node));
          }),
          then: "every node shows a new certificate",
        },
      ];
    case "authority": {
      const both = "every node believes the next authority beside the present one";
      const next = await nextAuthority(store);
      const clients = async (): Promise<boolean> =>
        !clientCertificates || next === undefined || (await isIssuedBy(store, ofClients, next));
      if (!finish) {
        if ((await store.list()).includes(previousAuthorityFile))
          throw new Error("the one before is not replaced everywhere yet; run it with --finish first");
        const begin = { change: inStore(() => beginAuthority(store, authorityName(masterName))), then: both };
        if (!clientCertificates) return [begin];
        // Not before every node believes it: this computer shows it, too.
        const forClients = async (): Promise<void> => {
          const by = await nextAuthority(store);
          if (by && !(await isIssuedBy(store, ofClients, by))) await renewCertificate(store, ofClients, by);
        };
        return [begin, { change: forClients, then: "the clients' certificate is of the next authority" }];
      }
      if (stage === "none") return [{ then: "every node believes only the present authority" }];
      if (!(await clients()))
        throw new Error("there is no certificate of the next authority for clients yet; run it without --finish first");
      return [
        { then: both },
        {
          change: inStore(async () => {
            await replaceAuthority(store);
            await initSecrets(store, { masterName, nodes, clientCertificates });
          }),
          then: "every node shows a certificate of the next authority",
        },
        { change: inStore(() => forgetAuthority(store)), then: "every node believes only the present authority" },
      ];
    }
  }
}
