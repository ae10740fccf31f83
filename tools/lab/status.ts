import Table from "cli-table3";
import { colours } from "../../cli/output.ts";
import type { Host } from "./host.ts";
import type { Lab } from "./lab.ts";

interface HostStatus {
  readonly host: Host;
  readonly state: "off" | "boots" | "running";
  readonly answers: boolean;
}

/** A sentence and a table for people. @returns `holds`: whether all hosts run and answer */
export async function labStatus(lab: Lab): Promise<{ text: string; holds: boolean }> {
  const all = await Promise.all(lab.hosts.map((host) => statusOf(lab, host)));
  const table = new Table({
    head: ["host", "address", "pid", "state", "ssh"].map(colours.bold),
    style: { head: [], border: [], compact: true },
  });
  for (const { host, state, answers } of all) {
    table.push([
      host.name,
      host.address,
      `${host.pid() ?? "-"}`,
      state === "running" ? "running" : colours.yellow(state),
      answers ? colours.green("answers") : colours.red("does not answer"),
    ]);
  }
  const { name, image, release, folder } = lab.record;
  const holds = all.every(({ answers }) => answers);
  const sentence = holds ? colours.green("all hosts answer") : colours.red("not all hosts answer");
  return { text: `lab ${name} (${release}, image ${image}) in ${folder}: ${sentence}\n${table.toString()}`, holds };
}

async function statusOf(lab: Lab, host: Host): Promise<HostStatus> {
  const state = await host.state();
  if (state === "off") return { host, state, answers: false };
  const answers = await lab.ssh(host.name, "true", { timeoutMs: 10_000 }).then(
    () => true,
    () => false,
  );
  return { host, state, answers };
}
