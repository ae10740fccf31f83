import { clusterView, type ClusterView } from "../cluster/view.ts";
import type { Endpoint } from "../cluster/connection.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { speakWith } from "../agent/secrets.ts";
import type { OperatorLogins } from "../secrets/logins.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { AcknowledgedWriter, type WriterOptions, type Written } from "./acknowledged-writer.ts";

/**
 * The part of a drill that runs in a namespace of its own, as only processes there reach the nodes: `redis-ha inside`.
 * It does what its parent asks over IPC, and ends with it. `InsideProcess` is the parent's side.
 */

const writers = new Map<string, AcknowledgedWriter>();

function writer(name: string): AcknowledgedWriter {
  const found = writers.get(name);
  if (!found) throw new Error(`${name}: no such writer`);
  return found;
}

const steps = {
  view: (environment: string, inventory: InventoryEnvironment): Promise<ClusterView> =>
    clusterView(environment, inventory),
  /** Says as whom the nodes are asked. */
  speak: (nodes: readonly TopologyNode[], logins: OperatorLogins): void => speakWith(nodes, logins),
  startWriter: (options: WriterOptions): void => {
    writers.set(options.name, new AcknowledgedWriter(options));
  },
  acknowledged: (name: string): number => writer(name).acknowledged,
  finishWriter: (name: string, server: Endpoint): Promise<Written> => writer(name).finish(server),
};

export type Steps = typeof steps;

export interface Question {
  readonly id: number;
  readonly step: keyof Steps;
  readonly args: readonly unknown[];
}
export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** @returns the exit code, when the parent has gone */
export function inside(): Promise<number> {
  if (!process.send) {
    process.stderr.write("redis-ha inside: a drill starts this itself, in a network namespace; see redis-ha drill\n");
    return Promise.resolve(2);
  }
  process.on("message", (question: Question) => void answer(question));
  return new Promise((resolve) => process.once("disconnect", () => resolve(0)));
}

async function answer({ id, step, args }: Question): Promise<void> {
  const send = (rest: Omit<Answer, "id">): void => {
    // Without a parent nobody wants the answer.
    if (process.connected) process.send?.({ id, ...rest });
  };
  try {
    const run = steps[step] as (...given: unknown[]) => unknown;
    send({ value: await run(...args) });
  } catch (error) {
    send({ error: (error as Error).message });
  }
}
