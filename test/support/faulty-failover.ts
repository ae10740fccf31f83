import fs from "node:fs";
import { failover } from "../../agent/operations.ts";
import type { Inventory } from "../../topology/inventory.ts";

/**
 * Run as a program in a checkout, `faulty-failover.ts <environment> <step> <signal> [<pid> <to>]`: hands over, to the node that is
 * named, if one is, and sends the signal after that step, to itself if no process is named. Prints the report, should it come to one.
 */
const [environment = "", last = "", signal = "SIGKILL", pid = process.pid, to] = process.argv.slice(2);
const { environments } = JSON.parse(fs.readFileSync("cdktf.out/environments.json", "utf8")) as Inventory;
const inventory = environments[environment];
if (!inventory) throw new Error(`${environment} is not synthesized`);
const context = { environment, inventory, root: process.cwd(), report: (line: string) => console.error(line) };
const report = await failover(context, {
  ...(to === undefined ? {} : { to }),
  onStep: (step) => {
    if (step === last) process.kill(Number(pid), signal);
  },
});
console.log(JSON.stringify(report));
