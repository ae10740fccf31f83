import path from "node:path";
import { fileURLToPath } from "node:url";
import { build, formatMessages } from "esbuild";

const projectRoot = fileURLToPath(new URL("..", import.meta.url));

/**
 * What only the operator's computer needs, where packages are installed: the secrets are made and fetched there, and the
 * bucket for Terraform's state is made. They would more than double the program, which every node gets.
 */
export const operatorsPackages = [
  "@aws-sdk/client-s3",
  "@aws-sdk/client-ssm",
  "@aws-sdk/client-sts",
  "@peculiar/x509",
  "reflect-metadata",
] as const;

export interface Bundle {
  /** The npm packages inside, by name, sorted. */
  readonly packages: readonly string[];
}

/**
 * Builds `redis-ha`, the one program that operators and provisioners run, into a single CommonJS file that needs nothing
 * but Node: what runs on nodes does; `operatorsPackages` are looked for when a command of the checkout wants them.
 *
 * The bytes depend on the sources only: neither on where the project lies, nor on the directory it is built from.
 * Names and lines are kept, so that a stack trace from a node can be read. What the sources import dynamically is run
 * when it is first needed.
 *
 * @param outfile absolute path of the file to write
 * @throws with esbuild's messages when the sources do not compile, or when it warns of something in them
 */
export async function buildBundle(outfile: string): Promise<Bundle> {
  const { metafile, warnings } = await build({
    absWorkingDir: projectRoot,
    entryPoints: ["cli/main.ts"],
    outfile,
    bundle: true,
    platform: "node",
    // Debian 12's; operators have a newer one.
    target: "node18.19",
    format: "cjs",
    keepNames: true,
    legalComments: "none",
    external: [...operatorsPackages],
    // Resolved links would put the place of a shared node_modules folder into the comments of the output.
    preserveSymlinks: true,
    // CommonJS has no import.meta; the bundle is its own and only module.
    define: { "import.meta.url": "bundleUrl" },
    banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
    logLevel: "silent",
    metafile: true,
  });
  if (warnings.length > 0) throw new Error((await formatMessages(warnings, { kind: "warning" })).join("\n"));

  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const packages = inputs.flatMap(([input, { bytesInOutput }]) => (bytesInOutput > 0 ? packageOf(input) : []));
  return { packages: [...new Set(packages)].sort() };
}

/** `node_modules/@scope/name/lib/x.js` -> `@scope/name`; of nested packages the innermost. */
function packageOf(input: string): string | [] {
  const inside = input.split("node_modules/").slice(1).at(-1);
  if (inside === undefined) return [];
  const [first = "", second = ""] = inside.split(path.posix.sep);
  return first.startsWith("@") ? `${first}/${second}` : first;
}
