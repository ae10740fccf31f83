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
import { beginRotation, finishRotation, replacePasswords, rotationStage } from "./password-rotation.ts";
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

/** What has begun and is not finished. */
export interface UnderWay {
  readonly what: Rotation;
  readonly stage: Exclude<Stage, "none">;
}

export async function rotationsUnderWay(store: SecretStore): Promise<UnderWay[]> {
  const stages = rotations.map(async (what) => ({ what, stage: await stageOf(what, store) }));
  return (await Promise.all(stages)).flatMap(({ what, stage }) => (stage === "none" ? [] : [{ what, stage }]));
}

type Inventory = Pick<InventoryEnvironment, "masterName" | "nodes" | "clientCertificates">;

/**
 * What is left to do from where the store stands; whatever is done twice changes nothing the second time.
 * @param finish end what waits for the clients
 * @throws when it cannot be finished yet
 */
export function stepsOf(what: Rotation, store: SecretStore, inventory: Inventory, finish: boolean): Promise<Step[]> {
  switch (what) {
    case "passwords":
      return passwordSteps(store, finish);
    case "certificates":
      return certificateSteps(store, inventory);
    case "authority":
      return finish ? finishOfAuthority(store, inventory) : beginOfAuthority(store, inventory);
  }
}

async function passwordSteps(store: SecretStore, finish: boolean): Promise<Step[]> {
  const stage = await rotationStage(store);
  if (!finish) {
    const say = "every node says the next passwords";
    if (stage === "waiting") return [{ then: say }];
    return [
      { change: counted(store, () => beginRotation(store)), then: "every node takes the next passwords, too" },
      { change: counted(store, () => replacePasswords(store)), then: say },
    ];
  }
  if (stage === "begun") throw new Error("the next passwords are not everywhere yet; run it without --finish first");
  return [
    // Killed half-way, or where a node could not be told, a node may say the previous ones still.
    { then: "every node says the present passwords" },
    { change: counted(store, () => finishRotation(store)), then: "every node takes only the present passwords" },
  ];
}

function certificateSteps(store: SecretStore, { nodes }: Inventory): Promise<Step[]> {
  const renew = async (): Promise<void> => {
    for (const node of nodes) await renewCertificate(store, ofNode(node));
  };
  return Promise.resolve([{ change: counted(store, renew), then: "every node shows a new certificate" }]);
}

const bothBelieved = "every node believes the next authority beside the present one";

async function beginOfAuthority(store: SecretStore, { masterName, clientCertificates }: Inventory): Promise<Step[]> {
  if ((await store.list()).includes(previousAuthorityFile))
    throw new Error("the one before is not replaced everywhere yet; run it with --finish first");
  const begin = counted(store, () => beginAuthority(store, authorityName(masterName)));
  const steps: Step[] = [{ change: begin, then: bothBelieved }];
  if (!clientCertificates) return steps;
  // Not before every node believes it: this computer shows it, too.
  const forClients = async (): Promise<void> => {
    const next = await nextAuthority(store);
    if (next && !(await isIssuedBy(store, ofClients, next))) await renewCertificate(store, ofClients, next);
  };
  return [...steps, { change: forClients, then: "the clients' certificate is of the next authority" }];
}

async function finishOfAuthority(store: SecretStore, inventory: Inventory): Promise<Step[]> {
  const onlyPresent = "every node believes only the present authority";
  if ((await authorityStage(store)) === "none") return [{ then: onlyPresent }];
  const next = await nextAuthority(store);
  if (inventory.clientCertificates && next && !(await isIssuedBy(store, ofClients, next)))
    throw new Error("there is no certificate of the next authority for clients yet; run it without --finish first");
  const replace = async (): Promise<void> => {
    await replaceAuthority(store);
    await initSecrets(store, inventory);
  };
  return [
    { then: bothBelieved },
    { change: counted(store, replace), then: "every node shows a certificate of the next authority" },
    { change: counted(store, () => forgetAuthority(store)), then: onlyPresent },
  ];
}

/** A change of what nodes receive. */
const counted = (store: SecretStore, change: () => Promise<unknown>) => async (): Promise<void> => {
  await change();
  await updateRevision(store);
};
