import { describe, expect, it } from "vitest";
import { mayReplace } from "../../agent/fence.ts";
import { sentinelNaming } from "../support/answers.ts";
import { peer } from "../support/spec.ts";

const a = peer("a");
const b = peer("b");

describe("a Sentinel may still replace a master that is back", () => {
  it.each<[string, Parameters<typeof mayReplace>[0], number, boolean]>([
    ["it has heard this process", sentinelNaming(b, a, { masterSilentMs: 40 }), 900, false],
    ["it heard only the one before", sentinelNaming(b, a, { masterSilentMs: 1300 }), 900, true],
    ["it takes it for down", sentinelNaming(b, a, { masterSilentMs: 40, flags: "master,s_down" }), 900, true],
    ["it is failing over", sentinelNaming(b, a, { flags: "master,failover_in_progress" }), 900, true],
    ["it is down", { node: b, error: "connection refused", refused: true }, 900, false],
    ["it is silent", { node: b, error: "no answer in time", refused: false }, 900, true],
    ["it is silent for long", { node: b, error: "no answer in time", refused: false }, 7000, false],
  ])("%s", (_, answer, upMs, may) => {
    expect(mayReplace(answer, upMs)).toBe(may);
  });
});
