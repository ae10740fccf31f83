import { format } from "prettier";
import { describe, expect, it } from "vitest";
import { differences, type Figure, holds, summaryOf } from "../../bench/figures.ts";
import { manyZones } from "../../bench/many-zones.ts";
import { parseCpuSeconds, parseSmapsRollup } from "../../bench/process-usage.ts";
import { jsonReport, markdownTable } from "../../bench/tables.ts";
import { parseEnvironments } from "../../environments/parse.ts";

const figure = (samples: number[], budget?: number): Figure => ({ id: "x", what: "`x`", unit: "s", samples, budget });

describe("a summary of samples", () => {
  it.each([
    ["one", [3], { median: 3, min: 3, max: 3 }],
    ["an odd number, compared as numbers", [10, 9, 100], { median: 10, min: 9, max: 100 }],
    ["an even number", [4, 1, 3, 2], { median: 2.5, min: 1, max: 4 }],
  ])("of %s", (_, samples, expected) => {
    const given = [...samples];
    expect(summaryOf(given)).toEqual(expected);
    expect(given).toEqual(samples);
  });

  it("is refused for none, and for a gap", () => {
    expect(() => summaryOf([])).toThrow("no sample");
    expect(() => summaryOf([1, NaN])).toThrow("not all samples are numbers");
  });
});

it("a budget is kept by a median below it, whatever the slowest run", () => {
  expect(holds(figure([1, 1.9, 9], 2))).toBe(true);
  expect(holds(figure([1, 2, 2], 2))).toBe(false);
  expect(holds(figure([1]))).toBeUndefined();
});

it("differences are taken run by run", () => {
  expect(differences([5, 9], [4, 6], 10)).toEqual([10, 30]);
  expect(() => differences([1], [])).toThrow("cannot be paired");
});

describe("a report", () => {
  const figures: Figure[] = [
    { id: "a", what: "`redis-ha status`", unit: "s", samples: [0.301, 0.2, 0.25], budget: 0.5 },
    { id: "b", what: "an agent", unit: "%", samples: [1.5, 1.25], budget: 1 },
    { id: "c", what: "a zone", unit: "ms", samples: [7] },
  ];
  const report = { date: "2026-01-31", machine: "2 cores", runs: 3, figures };

  it("is Markdown that prettier leaves as it is", async () => {
    const text = `${markdownTable(report)}\n`;
    expect(await format(text, { parser: "markdown", printWidth: 120 })).toBe(text);
    expect(text).toContain("| `redis-ha status` | 0.25 s | 0.20 to 0.30 | 0.5 s  | yes   |");
    expect(text).toContain("| an agent          | 1.38 % | 1.25 to 1.50 | 1 %    | no    |");
    expect(text).toContain("Measured on 2026-01-31: 2 cores. 3 counted runs each");
  });

  it("is JSON with every sample", () => {
    expect(JSON.parse(jsonReport(report))).toMatchObject({
      version: 1,
      runs: 3,
      figures: [
        { id: "a", median: 0.25, min: 0.2, max: 0.301, samples: [0.301, 0.2, 0.25], budget: 0.5, holds: true },
        { id: "b", holds: false },
        { id: "c", budget: null, holds: null },
      ],
    });
  });
});

describe("what the kernel says of a process", () => {
  it("memory, and not a field that only begins like it", () => {
    const text = "55b9-7ffe ---p 00000000 00:00 0 [rollup]\nRss:   1680 kB\nPss_Dirty:  1 kB\nPss:  276 kB\n";
    expect(parseSmapsRollup(text)).toEqual({ rss: 1680 * 1024, pss: 276 * 1024 });
    expect(() => parseSmapsRollup("Rss: 1 kB\n")).toThrow("no Pss");
  });

  it("processor time, whatever the process is called", () => {
    const fields = Array.from({ length: 50 }, (_, index) => index + 3);
    const stat = `7 (a) b (c) S ${fields.slice(1).join(" ")}`;
    // Fields 14 and 15, user and system time.
    expect(parseCpuSeconds(stat)).toBe(0.29);
    expect(() => parseCpuSeconds("")).toThrow("not the stat");
  });
});

it.each([
  [1, 6],
  [1, 30],
  [1, 90],
  [10, 3],
])("%i environments with %i zones each are valid together", (count, zones) => {
  const inputs = Array.from({ length: count }, (_, index) => manyZones(zones, index));
  const environments = parseEnvironments(inputs, { computerMemoryMb: 16_384 });
  expect(environments.flatMap((environment) => Object.keys(environment.zones))).toHaveLength(count * zones);
});
