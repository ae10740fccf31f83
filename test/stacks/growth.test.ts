import { expect, test } from "vitest";
import { anEnvironment, threeZones } from "../support/environment.ts";
import { synthStacks } from "../support/synth.ts";

/** A fourth data node without a vote: an even number of Sentinels would be refused. */
const nodeD = { name: "redis-d", runs: ["redis" as const], port: 6904 };

/** What a stack says about its own nodes alone. */
const withoutPeers = (stacks: unknown): unknown =>
  JSON.parse(JSON.stringify(stacks, (key, value: unknown) => (key === "peers" ? undefined : value)));

test("a new zone is one entry: one stack more, and the others change in their peers alone", async () => {
  const before = await synthStacks([anEnvironment()]);
  const { "demo-zone-d": added, ...after } = await synthStacks([
    anEnvironment({ zones: { ...threeZones, d: { nodes: [nodeD] } } }),
  ]);
  expect(Object.keys(added?.locals.nodes ?? {})).toEqual(["redis-d"]);
  expect(after).not.toEqual(before);
  expect(withoutPeers(after)).toEqual(withoutPeers(before));
});

test("a new node is one entry: no stack more, and the other zones change in their peers alone", async () => {
  const { "demo-zone-d": emptied, ...before } = await synthStacks([
    anEnvironment({ zones: { ...threeZones, d: { nodes: [] } } }),
  ]);
  const { "demo-zone-d": filled, ...after } = await synthStacks([
    anEnvironment({ zones: { ...threeZones, d: { nodes: [nodeD] } } }),
  ]);
  expect(filled).toEqual({ ...emptied, locals: { nodes: { "redis-d": expect.anything() as unknown } } });
  expect(after).not.toEqual(before);
  expect(withoutPeers(after)).toEqual(withoutPeers(before));
});

test("a new environment is one entry: its stacks come, and no other changes", async () => {
  const before = await synthStacks([anEnvironment()]);
  const after = await synthStacks([anEnvironment(), anEnvironment({ name: "other" })]);
  expect(after).toMatchObject(before);
  expect(Object.keys(after)).toEqual([...Object.keys(before), "other-zone-a", "other-zone-b", "other-zone-c"]);
});
