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
    for (const unit of files.keys()) {
      const dropIn = drillDropIn(unit);
      if (!fs.existsSync(dropIn)) continue;
      fs.rmSync(dropIn);
      done.push(`${path.basename(dropIn)} of a drill removed from ${unit}`);
    }
    const disabled = [...files.keys()].filter((unit) => !succeeds("systemctl", "is-enabled", "--quiet", unit));
    // Each reload takes a third of a second, and there is one for all.
    if (disabled.length > 0) run("systemctl", "enable", "--no-reload", ...disabled);
    done.push(...disabled.map((unit) => `${unit} enabled`));
    // By what systemd knows, and not by what was written: an apply may have been killed in between.
    const stale = [...files.keys()].filter((unit) => systemctlShow(unit, "NeedDaemonReload") === "yes");
    if (done.length + stale.length > 0) run("systemctl", "daemon-reload");
    // It can be away for a moment; what the servers' units say counts from their next start on.
    const { agent } = unitNames(spec.environment);
    if (
      (done.includes(`${agent} written`) || stale.includes(agent)) &&
      succeeds("systemctl", "is-active", "--quiet", agent)
    )
      run("systemctl", "restart", "--no-block", agent);
    for (const unit of files.keys()) {
      // One that waits to be let start is neither.
      if (!["inactive", "failed"].includes(systemctlShow(unit, "ActiveState"))) continue;
      // It waits for its spec, and says so to systemd by not being up yet.
      run("systemctl", "start", "--no-block", unit);
      done.push(`${unit} started`);
    }
    return done;
  },
};

const systemctlShow = (unit: string, property: string): string =>
  run("systemctl", "show", "--property", property, "--value", unit).trim();

/** Ends the node's units for good. */
export function disableUnits({ environment }: NodeSpec): string[] {
  const names = Object.values(unitNames(environment)).reverse();
  const known = names.filter((unit) => succeeds("systemctl", "cat", unit));
  if (known.length > 0) run("systemctl", "disable", "--now", ...known);
  return known.map((unit) => `${unit} stopped`);
}
