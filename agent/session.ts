import fs from "node:fs";
import { groupOf, type Links, withLinks } from "../cluster/links.ts";
import { ClusterLock } from "../cluster/lock.ts";
import { onHost } from "../topology/host-places.ts";
import type { NodeSecrets } from "../topology/node-secrets.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { resumeHandOvers } from "./handover/resume.ts";
import { siblingFolder } from "./handover/journal.ts";
import type { NodeFolder } from "./node-folder.ts";
import { speakAsAgent, speakWith } from "./secrets.ts";

/** Another apply may wait for a full copy; two of those are the longest that anybody waits for the lock. */
const LOCK_WAIT_MS = 240_000;

/** A change of one node, with everything that it works with. */
export interface Session {
  readonly spec: NodeSpec;
  readonly folder: NodeFolder;
  readonly links: Links;
  /** Absent while no majority of Sentinels answers: then nothing that runs may be stopped. */
  readonly lock: ClusterLock | undefined;
  readonly report: (line: string) => void;
}

export type Report = (line: string) => void;

interface SessionOptions {
  /** False: leave an interrupted hand-over as it is; `use` deals with it. @default true */
  readonly resume?: boolean;
  /** How long to wait for somebody else who has the lock, in milliseconds. @default LOCK_WAIT_MS */
  readonly waitMs?: number;
  /** What to speak with. @default - what the node has */
  readonly share?: NodeSecrets | undefined;
}

/**
 * Runs `use` with open connections to the group and with its lock, after ending what a killed run left half-way.
 * @param what for others who wait for the lock: "apply-of-redis-b"
 * @throws Locked when somebody else changes the cluster and does not end
 */
export function withSession<T>(
  spec: NodeSpec,
  folder: NodeFolder,
  what: string,
  report: Report,
  use: (session: Session) => Promise<T>,
  { resume = true, waitMs = LOCK_WAIT_MS, share }: SessionOptions = {},
): Promise<T> {
  if (share) speakWith(allNodes(spec), share);
  else speakAsAgent(allNodes(spec), folder);
  return withLinks(
    groupOf(spec),
    async (links) => {
      const lock = await ClusterLock.take(links, what, { waitMs, report });
      try {
        if (lock && resume) for (const line of await resumeHandOvers(links, lock, folder)) report(line);
        return await use({ spec, folder, links, lock, report });
      } finally {
        await lock?.release();
      }
    },
    { timeoutMs: 2000 },
  );
}

/** On a host, the node that is on it; undefined where the files of all nodes lie side by side. */
export const ownNode = ({ spec }: Pick<Session, "spec">): string | undefined =>
  onHost(spec) ? spec.node.name : undefined;

/** The nodes of the group that were stopped for good, as their folders on this computer tell. */
export const retiredNodes = ({ links, folder }: Pick<Session, "links" | "folder">): string[] =>
  links.group.nodes.map(({ name }) => name).filter((name) => fs.existsSync(siblingFolder(folder, name).retired));
