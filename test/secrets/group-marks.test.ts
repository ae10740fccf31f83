import fs from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { FileStore } from "../../secrets/file-store.ts";
import {
  forgetRetired,
  groupHasBegun,
  isMark,
  isNewGroup,
  noteNewGroup,
  noteRetired,
  retiredNodes,
} from "../../secrets/group-marks.ts";

const DATA = ["redis-a", "redis-b"];

async function begun(): Promise<FileStore> {
  const store = new FileStore(path.join(fs.mkdtempSync("/tmp/rha-marks-"), "store"));
  await noteNewGroup(store);
  expect(await isNewGroup(store)).toBe(true);
  await store.write("users/app", "secret");
  await groupHasBegun(store);
  return store;
}

it("nodes that are retired with their machines are known, until they have machines again", async () => {
  const store = await begun();
  await noteRetired(store, "redis-b", DATA);
  expect(await retiredNodes(store)).toEqual(["redis-b"]);
  expect(await isNewGroup(store)).toBe(false);
  await forgetRetired(store, "redis-b");
  await noteRetired(store, "redis-a", DATA);
  expect(await retiredNodes(store)).toEqual(["redis-a"]);
  expect(await isNewGroup(store)).toBe(false);
});

it("the group is new again when the last node with data is retired", async () => {
  const store = await begun();
  for (const node of ["witness-c", "redis-b", "redis-a"]) await noteRetired(store, node, DATA);
  expect(await isNewGroup(store)).toBe(true);
  for (const name of await store.list()) expect(isMark(name), name).toBe(name !== "users/app");
});

it("the group is not new while a volume may have data, whoever is retired", async () => {
  const store = await begun();
  for (const node of DATA) await noteRetired(store, node, undefined);
  expect(await isNewGroup(store)).toBe(false);
});

it("a store that has secrets belongs to a group that has begun", async () => {
  const store = await begun();
  await noteNewGroup(store);
  expect(await isNewGroup(store)).toBe(false);
});
