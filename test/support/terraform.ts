import fs from "node:fs";
import { execa } from "execa";
import { findTerraform } from "../../tools/setup/binaries.mjs";

/** A configuration file that is named but missing makes every call of Terraform warn. */
export const quietTerraform: Readonly<Record<string, string>> = {
  CHECKPOINT_DISABLE: "1",
  ...(fs.existsSync(process.env["TF_CLI_CONFIG_FILE"] ?? "") ? {} : { TF_CLI_CONFIG_FILE: "" }),
};

/** Terraform in a folder, quiet about updates and never asking anything. @throws with its output when it fails */
export const terraform = terraformWith({});

/** The same with more in its environment, such as `providerEnvironment`. */
export function terraformWith(env: Readonly<Record<string, string>>) {
  return async (folder: string, ...args: string[]): Promise<string> => {
    const { all } = await execa((await findTerraform()).path, args, {
      cwd: folder,
      all: true,
      env: { ...quietTerraform, TF_IN_AUTOMATION: "1", TF_INPUT: "0", NO_COLOR: "1", ...env },
    });
    return all;
  };
}
