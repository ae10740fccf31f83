import { parseEnvironments } from "../environments/parse.ts";
import { synthesize } from "../stacks/synth.ts";
import { manyZones } from "./many-zones.ts";

/**
 * What main.ts does, for `<environments>` environments of `<zones>` zones each:
 *
 *     node --import tsx bench/synth-many.ts <environments> <zones> <output folder>
 */
const [environments, zones, outdir] = process.argv.slice(2);
if (!(Number(environments) > 0) || !(Number(zones) >= 3) || !outdir) {
  throw new Error("usage: synth-many.ts <environments> <zones, at least 3> <output folder>");
}
const inputs = Array.from({ length: Number(environments) }, (_, index) => manyZones(Number(zones), index));
await synthesize({ environments: parseEnvironments(inputs), outdir });
