import { expect, it } from "vitest";
import { verifyText } from "../../cli/verify.ts";
import type { CheckId, Finding } from "../../cluster/verify.ts";

const seen = (id: CheckId, node: string | null, holds = true): Finding => ({
  id,
  node,
  holds,
  message: `${id} of ${node}`,
  remedy: holds ? null : "mend it",
});
const textOf = (...checks: Finding[]): string[] =>
  verifyText({ version: 1, environment: "local", holds: false, checks }).split("\n");

it("does not say every of nodes that it could not ask", () => {
  const lines = textOf(
    seen("redis-reachable", "redis-a", false),
    seen("redis-reachable", "redis-b"),
    seen("sentinel-reachable", "redis-a"),
    seen("sentinel-reachable", "redis-b"),
    seen("agent-running", "redis-b"),
    seen("one-master", null),
    seen("sentinel-peers", "redis-a"),
    seen("sentinel-peers", "redis-b"),
  );
  expect(lines).toContain("ok      every node's agent runs; redis-a could not be asked (agent-running)");
  expect(lines).toContain("ok      exactly one server is master (one-master)");
  expect(lines).toContain("ok      every Sentinel knows exactly the other Sentinels (sentinel-peers)");
  expect(lines).toContain("not ok  every server answers (redis-reachable)");
});
