import { programFile } from "../agent/program.ts";
import { HOST_PROGRAM } from "../topology/host-places.ts";
import { finish, surviveClosedPipes } from "./output.ts";

/**
 * `redis-ha`: what an operator and a provisioner run. `host` is the part that runs for one node; it must start quickly
 * and stay small, so it is looked for before anything of the operator's side is loaded. `inside` is the part of a drill
 * that runs in a network namespace, `answer` the part of a command that runs on a host. Typed on a host, the same program knows what can be done from there.
 */
async function main(argv: string[]): Promise<number> {
  if (argv[0] === "host") {
    const { host } = await import("../agent/host.ts");
    return host(argv.slice(1));
  }
  if (argv[0] === "inside") {
    const { inside } = await import("../drill/inside.ts");
    return inside();
  }
  if (argv[0] === "answer") {
    const { answer } = await import("./answer.ts");
    return answer();
  }
  if (programFile() === HOST_PROGRAM) {
    const { runOnHost } = await import("./on-host.ts");
    return runOnHost(argv);
  }
  const { run } = await import("./program.ts");
  return run(argv);
}

surviveClosedPipes();
main(process.argv.slice(2)).then(finish, (error: unknown) => {
  process.stderr.write(`redis-ha: ${error instanceof Error ? error.message : String(error)}\n`);
  finish(1);
});
