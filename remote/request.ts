import type { InventoryEnvironment } from "../topology/inventory.ts";

/** An environment as a command gets it. */
export interface Described {
  readonly environment: string;
  readonly inventory: InventoryEnvironment;
}

/** What the operator's command wants of a host. */
export type Question =
  /** What every server and Sentinel answers: `Answers`. */
  | { readonly want: "answers" }
  /** What `verify` judges, without the files: `ServerEvidence`. */
  | { readonly want: "evidence" }
  /** What is written down of the host's own node: `NodeFacts`. */
  | { readonly want: "facts"; readonly node: string }
  /** Can the group do without the host's node for a moment? Fails with the reason when it cannot. */
  | { readonly want: "gate"; readonly node: string; readonly verb: string }
  /** One part of an election, see agent/repair/elect.ts. */
  | { readonly want: "elect"; readonly part: ElectPart; readonly node: string }
  /** A command of ours, with `--json` among its arguments. */
  | { readonly want: "command"; readonly argv: readonly string[] };

export type ElectPart = "evidence" | "yield" | "promote" | "follow";

/** One JSON document on the standard input of `redis-ha answer`. */
export type HostRequest = Question &
  Described & {
    readonly program: string;
    /** The operator insists. */
    readonly override: boolean;
  };
