import path from "node:path";
import { differences, type Figure } from "./figures.ts";
import { type Measurement, rounds } from "./measurement.ts";

/** `npx tsx main.ts`, and how much of it Node, tsx and npx take before the project's first line runs. */
export async function measureSynth(measurement: Measurement): Promise<Figure[]> {
  const program = process.execPath;
  const seconds = await rounds(measurement, [
    { id: "node", program, args: ["-e", "1"] },
    { id: "node-tsx", program, args: ["--import", "tsx", "-e", "1"] },
    { id: "npx-tsx", program: "npx", args: ["tsx", "-e", "1"] },
    { id: "synth-node", program, args: ["--import", "tsx", "main.ts"] },
    { id: "synth", program: "npx", args: ["tsx", "main.ts"] },
  ]);
  const own = differences(seconds.synth, seconds["npx-tsx"]);
  return [
    { id: "node", what: "base line: `node -e 1`", unit: "s", samples: seconds.node },
    { id: "node-tsx", what: "base line: `node --import tsx -e 1`", unit: "s", samples: seconds["node-tsx"] },
    { id: "npx-tsx", what: "base line: `npx tsx -e 1`", unit: "s", samples: seconds["npx-tsx"] },
    { id: "synth-node", what: "synth: `node --import tsx main.ts`", unit: "s", samples: seconds["synth-node"] },
    { id: "synth", what: "synth: `npx tsx main.ts`", unit: "s", samples: seconds.synth, budget: 1.2 },
    { id: "synth-own", what: "synth: what `npx tsx main.ts` takes more than `npx tsx -e 1`", unit: "s", samples: own },
  ];
}

/** Zones of three environments as small as the usual one, of ten and of thirty. */
const sizes = [2, 10, 30];
const zonesEach = 3;

/** How the synth's time grows: with more environments, and with more zones in one environment. */
export async function measureGrowth(measurement: Measurement, folder: string): Promise<Figure[]> {
  const ways = [
    { id: "environments", of: (size: number) => [size, zonesEach], name: (size: number) => `${size} environments` },
    { id: "zones", of: (size: number) => [1, size * zonesEach], name: () => "one environment" },
  ];
  const figures: Figure[] = [];
  for (const { id, of, name } of ways) {
    const idOf = (size: number): string => `synth-${size}-${id}`;
    const samples = await rounds(
      measurement,
      sizes.map((size) => ({
        id: idOf(size),
        program: process.execPath,
        args: ["--import", "tsx", "bench/synth-many.ts", ...of(size).map(String), path.join(folder, idOf(size))],
      })),
    );
    const secondsOf = (size: number): number[] => samples[idOf(size)] ?? [];
    for (const size of sizes) {
      const what = `synth of ${name(size)}, ${size * zonesEach} zones in all (without npx)`;
      figures.push({ id: idOf(size), what, unit: "s", samples: secondsOf(size) });
    }
    for (const [index, size] of sizes.slice(1).entries()) {
      const less = sizes[index] as number;
      const zones = (size - less) * zonesEach;
      figures.push({
        id: `${idOf(size)}-each`,
        what: `each further zone, from ${less * zonesEach} to ${size * zonesEach} (${name(size)})`,
        unit: "ms",
        samples: differences(secondsOf(size), secondsOf(less), 1000 / zones),
      });
    }
  }
  return figures;
}
