import type { ProcessName } from "./fault.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";

/** One process of a node: never another one that has its pid by now. */
export interface NodeProcess {
  readonly pid: number;
  alive(): Promise<boolean>;
  /** Does nothing when it has ended. */
  send(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): Promise<void>;
}

/** Where the nodes are that a drill breaks: on this computer, or on hosts. */
export interface Site {
  /** Undefined when it does not run. */
  process(node: TopologyNode, name: ProcessName): Promise<NodeProcess | undefined>;
  /** Kills these processes of the nodes at once, so that nobody starts them again until `start` does. */
  halt(nodes: readonly TopologyNode[], names: readonly ProcessName[]): Promise<void>;
  /** Starts what `halt` has ended, and makes the node what was applied last. */
  start(node: TopologyNode): Promise<void>;
  /** What was applied last. */
  applied(node: TopologyNode): Promise<NodeSpec | undefined>;
  apply(spec: NodeSpec): Promise<void>;
  handOver(): Promise<void>;
  /** @param nodes names @default - all */
  roll(nodes?: readonly string[]): Promise<void>;
}
