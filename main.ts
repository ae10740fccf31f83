import { exitOnError } from "./stacks/exit-on-error.ts";

/**
 * Every environment of environments/index.ts becomes its stacks, one a zone, as Terraform JSON in cdktf.out:
 *
 *     environment -> topology -> stacks -> Terraform JSON -> node spec -> agent -> Redis
 *
 * Both drivers, `cdktf deploy` and Terragrunt, apply what is written here.
 */
await exitOnError(async () => {
  // tsx turns them on, and those in the files of @cdktf/provider-aws are larger than the files: 0.2 s, for line numbers that no message has.
  process.setSourceMapsEnabled(false);
  // Imported here, because an environment that is not valid is reported at import.
  const { environments } = await import("./environments/index.ts");
  const { outputFolder } = await import("./stacks/folders.ts");
  const { synthesize } = await import("./stacks/synth.ts");

  await synthesize({ environments, outdir: outputFolder() });
});
