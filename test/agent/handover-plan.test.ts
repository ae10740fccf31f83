import { describe, expect, it } from "vitest";
import { chooseCandidate, gradeOf, notInSync, type SentinelReach } from "../../agent/handover/plan.ts";
import { masterWith, replicaOf, silent } from "../support/answers.ts";
import { peer } from "../support/spec.ts";

const [a, b, c] = [peer("a"), peer("b"), peer("c")];
const master = masterWith(a, [b, c]);

describe("a replica is not in sync", () => {
  it.each([
    ["when it does not answer", silent(b), master, "connection refused"],
    ["when nothing is known of it", { node: b }, master, "does not answer"],
    ["when it is a master", masterWith(b, []), master, "says that it is a master itself"],
    ["while it loads", replicaOf(b, a, { loading: true }), master, "is loading its data"],
    ["during a full copy", replicaOf(b, a, { syncing: true, link: "down" }), master, "is receiving a full copy"],
    ["when it follows another node", replicaOf(b, c), master, "follows another node"],
    ["when its link is down", replicaOf(b, a, { link: "down", linkDownSeconds: 12 }), master, "link down for 12 s"],
    ["when its link never was up", replicaOf(b, a, { link: "down" }), master, "link down"],
    ["when the master does not know it", replicaOf(b, a), masterWith(a, [c]), "is not known to the master"],
    [
      "when the master still sends it a copy",
      replicaOf(b, a),
      masterWith(a, [b], { state: "send_bulk" }),
      "is send_bulk for the master",
    ],
    [
      "when it has not acknowledged for more than 2 s",
      replicaOf(b, a),
      masterWith(a, [b], { lagSeconds: 3 }),
      "acknowledged 3 s ago",
    ],
  ])("%s", (_, answer, of, why) => {
    expect(notInSync(of, answer)).toBe(why);
  });

  it("otherwise it is, also when it has acknowledged 2 s ago", () => {
    expect(notInSync(master, replicaOf(b, a))).toBeUndefined();
    expect(notInSync(masterWith(a, [b], { lagSeconds: 2 }), replicaOf(b, a))).toBeUndefined();
  });
});

describe("who takes over", () => {
  const never = { ...c, promotable: false };
  it.each([
    ["the one that has most", [replicaOf(b, a, { offset: 5 }), replicaOf(c, a, { offset: 6 })], undefined, "redis-c"],
    ["the only one in sync", [silent(b), replicaOf(c, a)], undefined, "redis-c"],
    [
      "the one that was asked for",
      [replicaOf(b, a, { offset: 5 }), replicaOf(c, a, { offset: 6 })],
      "redis-b",
      "redis-b",
    ],
    ["the one that may", [replicaOf(b, a, { offset: 5 }), replicaOf(never, a, { offset: 6 })], undefined, "redis-b"],
  ])("%s", (_, replicas, wanted, chosen) => {
    expect(chooseCandidate(master, [master, ...replicas], wanted)).toMatchObject({ to: { name: chosen } });
  });

  it("a preferred one, although another has more; but not one that is not in sync", () => {
    const [less, more] = [replicaOf(b, a, { offset: 5 }), replicaOf(c, a, { offset: 6 })];
    expect(chooseCandidate(master, [master, less, more], undefined, ["redis-b"])).toMatchObject({ to: b });
    expect(chooseCandidate(master, [master, silent(b), more], undefined, ["redis-b"])).toMatchObject({ to: c });
  });

  it.each([
    [
      "no replica is in sync",
      [silent(b), replicaOf(c, a, { link: "down", linkDownSeconds: 4 })],
      undefined,
      "no replica can take over (redis-b: connection refused; redis-c: link down for 4 s)",
    ],
    [
      "none in sync may",
      [silent(b), replicaOf(never, a)],
      undefined,
      "no replica can take over (redis-b: connection refused; redis-c: never to be promoted)",
    ],
    ["there is none", [], undefined, "no replica can take over (there is none)"],
    ["the wanted one is master", [replicaOf(b, a)], "redis-a", "redis-a is the master already"],
    ["the wanted one is not in sync", [silent(b)], "redis-b", "it cannot take over (redis-b: connection refused)"],
    [
      "the wanted one must not",
      [replicaOf(never, a)],
      "redis-c",
      "it cannot take over (redis-c: never to be promoted)",
    ],
    ["the wanted one is no data node", [replicaOf(b, a)], "witness-c", "witness-c is no data node of this environment"],
  ])("nobody, when %s", (_, replicas, wanted, objection) => {
    expect(chooseCandidate(master, [master, ...replicas], wanted)).toEqual({ objection });
  });
});

describe("the way in which a hand-over is announced", () => {
  it.each<[SentinelReach[], number, ReturnType<typeof gradeOf>]>([
    [["answers", "answers", "answers"], 2, "fast"],
    [["answers", "answers", "refuses"], 2, "fast"],
    [["answers", "answers", "silent"], 2, "slow"],
    [["answers", "refuses", "refuses"], 2, undefined],
    [["answers", "silent", "silent"], 2, undefined],
    [["answers", "answers", "refuses"], 3, undefined],
    [["answers", "answers", "answers", "silent", "refuses"], 3, "slow"],
  ])("%j with %i needed: %s", (reach, needed, grade) => {
    expect(gradeOf(reach, needed)).toBe(grade);
  });
});
