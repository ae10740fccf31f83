import fs from "node:fs";
import os from "node:os";
import { findRedis, findTerraform, findTerragrunt } from "../tools/setup/binaries.mjs";

/** The computer's size and the programs' versions, in words. Figures mean little without them. */
export async function describeMachine(): Promise<string> {
  const [terraform, terragrunt, redis] = await Promise.all([findTerraform(), findTerragrunt(), findRedis()]);
  return [
    `${os.cpus().length} cores`,
    `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    system(),
    `Node ${process.versions.node}`,
    `${terraform.name === "tofu" ? "OpenTofu" : "Terraform"} ${terraform.version}`,
    `Terragrunt ${terragrunt.version}`,
    `redis ${redis.server.version}`,
  ].join(", ");
}

function system(): string {
  try {
    const name = /^PRETTY_NAME="?([^"\n]+)"?$/m.exec(fs.readFileSync("/etc/os-release", "utf8"))?.[1];
    if (name) return name;
  } catch {
    // Only Linux has this file.
  }
  return `${os.type()} ${os.release()}`;
}

/** A sentence when other work is going on, which makes every figure too high; else undefined. */
export function busyMachine(): string | undefined {
  const [load = 0] = os.loadavg();
  const most = os.cpus().length / 4;
  return load > most
    ? `This computer is busy (load average ${load.toFixed(1)} over the last minute): the figures will be too high.`
    : undefined;
}
