import { nodeFolderAt } from "../../agent/node-folder.ts";
import { Resident } from "../../agent/resident.ts";

/**
 * An agent of a node without some of the conditions under which a replica takes over from a crashed master:
 * `resident.ts <node folder> <condition>...`. It shows what each condition is there for.
 */
const [folder = "", ...without] = process.argv.slice(2);
process.exitCode = await new Resident(nodeFolderAt(folder), without).run();
