import { spawnSync } from "node:child_process";
import path from "node:path";

/**
 * An apply synthesizes first: what was synthesized before the last edit says something else than what will happen.
 * @throws when the synth fails
 */
export function synthesizeIfOld(root: string): void {
  const { status, stderr } = spawnSync(process.execPath, [path.join(root, "tools", "ensure-synthesized.mjs")], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr.trim());
}
