import { once } from "node:events";
import { FileStore } from "../../secrets/file-store.ts";
import { initSecrets } from "../../secrets/init.ts";
import { newKey } from "../../secrets/x509.ts";
import { node } from "./nodes.ts";

/** Loads everything, says so, waits for a line, and then makes the secrets; prints the names of what it made. */
await newKey();
process.stdout.write("ready\n");
await once(process.stdin, "data");
const nodes = ["a", "b", "c"].map((letter) => node(letter));
const made = await initSecrets(new FileStore(process.argv[2] ?? ""), { masterName: "redis-ha-two", nodes });
process.stdout.write(`${JSON.stringify(made)}\n`, () => process.exit());
