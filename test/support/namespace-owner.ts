import { spawn } from "node:child_process";
import { Namespaces } from "../../drill/namespaces.ts";

/** Run as a program: makes a namespace with a process in it, says which, and waits to be ended. */
const namespaces = Namespaces.create(["only"]);
const { file, args } = namespaces.command({ node: "only" }, "sleep", ["300"]);
const { pid } = spawn(file, args, { stdio: "ignore", detached: true });
process.stdout.write(`${JSON.stringify({ pid, folder: namespaces.folder })}\n`);
setTimeout(() => process.exit(1), 60_000);
