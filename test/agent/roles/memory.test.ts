import { expect, it } from "vitest";
import { hostMemoryMb, tooMuchData } from "../../../agent/roles/memory.ts";
import { sshInput } from "../../environments/inputs.ts";
import { specsFrom } from "../../support/lab.ts";

const gib = 1024 ** 3;

it.each([
  ["a machine without control groups", [undefined, undefined], 8192],
  ["no limit, version 2", ["max\n", undefined], 8192],
  ["no limit, version 1: a number above all memory", [undefined, "9223372036854771712\n"], 8192],
  ["a limit", [`${2 * gib}\n`, undefined], 2048],
  ["a limit of version 1", [undefined, `${gib + 1}\n`], 1024],
])("memory of a host of 8 GiB: %s", (_, limits, expected) => {
  expect(hostMemoryMb(8 * gib, limits)).toBe(expected);
});

const spec = (maxMemoryMb: number) => specsFrom({ ...sshInput(), settings: { maxMemoryMb } })[0]!;

it("takes a maxmemory of up to 45 % of the host", () => {
  expect(tooMuchData(spec(3594), 7987)).toBeUndefined();
  expect(tooMuchData(spec(3595), 7987)).toBe(
    "redis-a: maxmemory 3595 MiB needs 7989 MiB of memory, as a fork under writes can double it; the host has 7987 MiB. " +
      "The node was not touched. In environments/hosts.ts, set settings.maxMemoryMb to 3594 or less, or take a larger host; " +
      "with target.hostMemoryMb 7987 the synth finds it",
  );
});

it("asks nothing of a witness", () => {
  const witness = { ...spec(100), files: {} };
  expect(tooMuchData(witness, 10)).toBeUndefined();
});
