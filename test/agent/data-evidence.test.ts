import { describe, expect, it } from "vitest";
import { advice, type DataEvidence } from "../../agent/repair/data-evidence.ts";

const node = (name: string, change: Partial<DataEvidence> = {}): DataEvidence => ({
  node: name,
  answers: true,
  role: "replica",
  follows: null,
  replicationId: "one",
  offset: 100,
  keys: 1,
  hasData: true,
  inStepUntil: "2026-01-01T10:00:00.000Z",
  waits: false,
  error: null,
  ...change,
});
const down: Partial<DataEvidence> = { answers: false, replicationId: null, offset: null, keys: null, error: "refused" };

describe("how a person decides who is master", () => {
  it("by the offset, within one history", () => {
    const said = advice([node("a"), node("b", { offset: 101 })], "local");
    expect(said).toContain("the highest offset has the most: b.");
    expect(said).not.toContain("First bring");
  });

  it("not by the offset when histories differ: by until when each was in step", () => {
    const later = node("b", { replicationId: "two", inStepUntil: "2026-01-01T10:00:03.000Z" });
    const said = advice([node("a", { offset: 101 }), later], "local");
    expect(said).toContain("The histories differ");
    expect(said).toContain("(the latest: b)");
  });

  it("names nobody as the latest within the second to which the times are known, or without any", () => {
    const close = node("b", { replicationId: "two", inStepUntil: "2026-01-01T10:00:01.500Z" });
    expect(advice([node("a"), close], "local")).toContain("they do not differ by enough to tell");
    const unknown = [node("a", { inStepUntil: null }), node("b", { inStepUntil: null, replicationId: "two" })];
    expect(advice(unknown, "local")).toContain("they do not differ by enough to tell");
  });

  it("first brings up a node that has data and does not answer, unless its agent waits for the decision", () => {
    const silent = advice([node("a"), node("b", down)], "local");
    expect(silent).toContain("First bring b up, if that can be done (npx redis-ha converge --env local)");
    expect(silent).toContain("A node that does not answer tells no offset");
    expect(silent).not.toContain("histories differ");
    expect(advice([node("a"), node("b", { ...down, waits: true })], "local")).not.toContain("First bring");
    expect(advice([node("a"), node("b", { ...down, hasData: false })], "local")).toContain("share one history");
  });

  it("begins anew when nobody has data", () => {
    expect(advice([node("a", { hasData: false })], "local")).toContain("No node has data");
  });
});
