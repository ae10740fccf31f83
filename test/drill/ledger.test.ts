import { describe, expect, it } from "vitest";
import { BITS_PER_KEY, Ledger } from "../../drill/ledger.ts";

/** Tries `count` writes; those in `acknowledged` are acknowledged, at 1000 ms plus their number. */
function ledger(count: number, acknowledged: readonly number[]): Ledger {
  const written = new Ledger("p");
  for (let write = 0; write < count; write++) written.begin();
  for (const write of acknowledged) written.acknowledge(write, 1000 + write);
  return written;
}

describe("what is lost", () => {
  it.each<[string, { acknowledged: number[]; there: (number[] | null)[]; lost: number[] }]>([
    ["nothing, when all that was acknowledged is there", { acknowledged: [0, 1, 2], there: [[0b11100000]], lost: [] }],
    ["a write that was acknowledged and is not there", { acknowledged: [0, 1, 2], there: [[0b10100000]], lost: [1] }],
    ["everything, when the key is not there", { acknowledged: [0, 2], there: [null], lost: [0, 2] }],
    ["everything, when no key was given", { acknowledged: [1], there: [], lost: [1] }],
    ["what lies beyond a value that is too short", { acknowledged: [0, 15], there: [[0b10000000]], lost: [15] }],
    ["nothing of what was never acknowledged", { acknowledged: [1], there: [[0b01000000]], lost: [] }],
    ["nothing, when an unacknowledged write is there as well", { acknowledged: [1], there: [[0xff, 0xff]], lost: [] }],
    ["bit 8 is the highest of the second byte", { acknowledged: [7, 8], there: [[0, 0b10000000]], lost: [7] }],
  ])("%s", (_, { acknowledged, there, lost }) => {
    const values = there.map((bytes) => (bytes === null ? null : Uint8Array.from(bytes)));
    expect(ledger(16, acknowledged).lost(values)).toEqual({
      count: lost.length,
      ...(lost.length === 0 ? {} : { firstAt: 1000 + Math.min(...lost), lastAt: 1000 + Math.max(...lost) }),
    });
  });

  it("is found in every key, and each write has a place of its own", () => {
    const first = BITS_PER_KEY - 1;
    const written = ledger(BITS_PER_KEY + 2, [first, first + 1, first + 2]);
    expect(written.keys).toEqual(["p:0", "p:1"]);
    expect([first, first + 1].map((write) => written.place(write))).toEqual([
      { key: "p:0", bit: BITS_PER_KEY - 1 },
      { key: "p:1", bit: 0 },
    ]);
    const full = new Uint8Array(BITS_PER_KEY / 8).fill(0xff);
    expect(written.lost([full, Uint8Array.of(0b01000000)])).toMatchObject({ count: 1, firstAt: 1000 + first + 1 });
  });
});

describe("a write that was acknowledged by a time", () => {
  const written = ledger(100, [...Array(100).keys()]);
  it.each([
    [999, undefined],
    [1000, 0],
    [1004, 0],
    [1050, 50],
    [9999, 95],
  ])("at %d: %s, to within 5 ms", (at, write) => {
    expect(written.acknowledgedBy(at)).toBe(write);
  });
});
