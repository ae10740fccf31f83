import { writeFileSync } from "node:fs";
import { schemaFiles } from "./schema.ts";

/** `npx tsx test/standin/write-schemas.ts`: writes provider/schemas from the pinned bindings. */

for (const { file, text } of await schemaFiles()) writeFileSync(file, text);
