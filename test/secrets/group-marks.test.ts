import fs from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { FileStore } from "../../secrets/file-store.ts";
import {
  expectData,
  forgetData,
  forgetRetired,
  groupHasBegun,
  isMark,
  isNewGroup,
  noteNewGroup,
  noteRetired,
  retiredNodes,
} from "../../secrets/group-marks.ts";

/** A group of two, with data. */
async function begun(): Promise<FileStore> {
  const store = new FileStore(path.join(fs.mkdtempSync("/tmp/rha-marks-"), "store"));
  for (const node of ["redis-a", "redis-b"]) await expectData(store, node);
  await noteNewGroup(store);
  expect(await isNewGroup(store)).toBe(true);
  await store.write("users/app", "secret");
  await groupHasBegun(store);
  return store;
}

it("nodes that are retired with their machines are known, until they have machines again", async () => {
  const store = await begun();
  await noteRetired(store, "redis-b");
  expect(await retiredNodes(store)).toEqual(["redis-b"]);
  expect(await isNewGroup(store)).toBe(false);
  await forgetRetired(store, "redis-b");
  await noteRetired(store, "redis-a");
  expect(await retiredNodes(store)).toEqual(["redis-a"]);
  expect(await isNewGroup(store)).toBe(false);
});

it("the group is new again when the last data is gone, and not when the last node is retired", async () => {
  const store = await begun();
  for (const node of ["witness-c", "redis-b", "redis-a"]) await noteRetired(store, node);
  expect(await forgetData(store, "redis-b")).toEqual(["redis-a"]);
  expect(await isNewGroup(store)).toBe(false);
  expect(await forgetData(store, "redis-a")).toEqual([]);
  expect(await isNewGroup(store)).toBe(true);
  for (const name of await store.list()) expect(isMark(name), name).toBe(name !== "users/app");
});

it("what was forgotten half-way is expected again, and forgotten again", async () => {
  const store = await begun();
  await store.remove("data/redis-a");
  await expectData(store, "redis-a");
  await expectData(store, "redis-a");
  expect(await forgetData(store, "redis-a")).toEqual(["redis-b"]);
  expect(await forgetData(store, "redis-a")).toEqual(["redis-b"]);
  expect(await forgetData(store, "redis-b")).toEqual([]);
  expect(await isNewGroup(store)).toBe(true);
});

it("data that comes and goes elsewhere leaves the group as it is", async () => {
  const store = await begun();
  await expectData(store, "redis-d");
  expect(await forgetData(store, "redis-b")).toEqual(["redis-a", "redis-d"]);
  expect(await isNewGroup(store)).toBe(false);
});

it("a store that has secrets belongs to a group that has begun", async () => {
  const store = await begun();
  await noteNewGroup(store);
  expect(await isNewGroup(store)).toBe(false);
});
