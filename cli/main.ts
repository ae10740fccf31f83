import { finish, surviveClosedPipes } from "./output.ts";

/**
 * `redis-ha`: what an operator and a provisioner run. `host` is the part that runs for one node; it must start quickly
 * and stay small, so it is looked for before anything of the operator's side is loaded.
 */
async function main(argv: string[]): Promise<number> {
  if (argv[0] === "host") {
    const { host } = await import("../agent/host.ts");
    return host(argv.slice(1));
  }
  const { run } = await import("./program.ts");
  return run(argv);
}

surviveClosedPipes();
main(process.argv.slice(2)).then(finish, (error: unknown) => {
  process.stderr.write(`redis-ha: ${error instanceof Error ? error.message : String(error)}\n`);
  finish(1);
});
