// The main.ts of a project copy: writes what the real synth writes, with the stacks that a test describes.
import fs from "node:fs";
import path from "node:path";
import type { FixtureStacks } from "./project-copy.ts";

const root = import.meta.dirname;
const out = path.join(root, "cdktf.out");
fs.appendFileSync(path.join(root, "synthesized.log"), "x");

const described = JSON.parse(fs.readFileSync(path.join(root, "environments/stacks.json"), "utf8")) as
  FixtureStacks | { error: string };
if ("error" in described) {
  console.error(described.error);
  process.exit(1);
}

/** Like the real synth, leaves a file alone whose content is the same. */
function write(file: string, content: string): void {
  const target = path.join(out, file);
  if (fs.existsSync(target) && fs.readFileSync(target, "utf8") === content) return;
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, content);
}

const environments = Object.entries(described);
const stacks = environments.flatMap(([environment, units]) =>
  Object.entries(units).map(([unit, { after = [], backend, document = {} }]) => {
    const name = `${environment}-${unit}`;
    const terraform = { backend: backend ?? { local: { path: `../../../.state/${environment}/${name}.tfstate` } } };
    write(`stacks/${name}/cdk.tf.json`, JSON.stringify({ terraform, ...document }));
    const dependencies = after.map((other) => `${environment}-${other}`);
    return [name, { name, synthesizedStackPath: `stacks/${name}/cdk.tf.json`, dependencies }] as const;
  }),
);
for (const folder of fs.readdirSync(path.join(out, "stacks"))) {
  if (!stacks.some(([name]) => name === folder)) fs.rmSync(path.join(out, "stacks", folder), { recursive: true });
}
write("manifest.json", JSON.stringify({ version: "0.21.0", stacks: Object.fromEntries(stacks) }));
const inventory: Record<string, unknown> = {};
for (const [name, units] of environments) inventory[name] = { stacks: Object.keys(units).map((it) => `${name}-${it}`) };
write("environments.json", JSON.stringify({ version: 1, environments: inventory }));
write(
  "redis-ha.cjs",
  `require("node:fs").appendFileSync(${JSON.stringify(path.join(root, "converged.log"))}, process.argv.slice(2).join(" ") + "\\n");\n`,
);
fs.writeFileSync(path.join(out, ".stamp"), "");
