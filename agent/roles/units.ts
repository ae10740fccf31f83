import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { drillDropIn, onHost, unitFiles, unitNames } from "../../topology/host-places.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { ensureFile, type HostRole, run, succeeds } from "./role.ts";

/** Agent, Sentinel and redis-server as units of systemd, which starts them at boot and whenever they end. */
export const units: HostRole = {
  name: "units",
  ensure(spec) {
    if (!onHost(spec)) return [];
    const done: string[] = [];
    const files = unitFiles(spec);
    for (const [unit, text] of files) if (ensureFile(`/etc/systemd/system/${unit}`, text)) done.push(`${unit} written`);
    // A drill that was killed has left it, and a server that ends would stay down.
    let dropped = false;
    for (const unit of files.keys()) {
      const dropIn = drillDropIn(unit);
      if (!fs.existsSync(dropIn)) continue;
      fs.rmSync(dropIn);
      dropped = true;
      done.push(`${path.basename(dropIn)} of a drill removed from ${unit}`);
    }
    const names = [...files.keys()];
    const states = statesOf(names);
    const enabled = enabledOf(names);
    const disabled = names.filter((_, index) => enabled[index] !== "enabled");
    // Past systemd, which would take all that it has loaded for outdated, and have the next apply restart the agent for nothing.
    if (disabled.length > 0) run("systemctl", "--root=/", "enable", ...disabled);
    done.push(...disabled.map((unit) => `${unit} enabled`));
    // By what systemd knows, and not by what was written: an apply may have been killed in between. One reload, which takes
    // some tenths of a second, serves all.
    const stale = names.filter((unit) => states.get(unit)?.NeedDaemonReload === "yes");
    if (dropped || stale.length > 0) run("systemctl", "daemon-reload");
    // It can be away for a moment; what the servers' units say counts from their next start on.
    const { agent } = unitNames(spec.environment);
    if (stale.includes(agent) && states.get(agent)?.ActiveState === "active")
      run("systemctl", "restart", "--no-block", agent);
    // One that waits to be let start is neither. It waits for its spec, and says so to systemd by not being up yet.
    const down = names.filter((unit) => ["inactive", "failed"].includes(states.get(unit)?.ActiveState ?? ""));
    if (down.length > 0) run("systemctl", "start", "--no-block", ...down);
    done.push(...down.map((unit) => `${unit} started`));
    return done;
  },
};

const PROPERTIES = ["ActiveState", "NeedDaemonReload"] as const;
type UnitState = Partial<Record<(typeof PROPERTIES)[number], string | undefined>>;

/** What systemd says of units, by name; of one that it does not know, too. */
function statesOf(names: readonly string[]): Map<string, UnitState> {
  const asked = ["Id", ...PROPERTIES].flatMap((property) => ["--property", property]);
  const blocks = run("systemctl", "show", ...asked, ...names)
    .trim()
    .split("\n\n");
  const fields = blocks.map((block): Record<string, string | undefined> =>
    Object.fromEntries(block.split("\n").map((line) => line.split("=", 2) as [string, string])),
  );
  return new Map(fields.map((each) => [each["Id"] ?? "", each]));
}

/** In the order of the names, `enabled` or another word. Its exit code says something only of all together. */
const enabledOf = (names: readonly string[]): string[] =>
  spawnSync("systemctl", ["is-enabled", ...names], { encoding: "utf8" })
    .stdout.trim()
    .split("\n");

/** Ends the node's units for good. */
export function disableUnits({ environment }: NodeSpec): string[] {
  const names = Object.values(unitNames(environment)).reverse();
  const known = names.filter((unit) => succeeds("systemctl", "cat", unit));
  if (known.length > 0) run("systemctl", "disable", "--now", ...known);
  return known.map((unit) => `${unit} stopped`);
}
