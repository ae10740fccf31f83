import type { Environment } from "./environment.ts";
import { dev } from "./dev.ts";
import { lab } from "./lab.ts";
import { localPair } from "./local-pair.ts";
import { local } from "./local.ts";
import { parseEnvironments } from "./parse.ts";
import { prod } from "./prod.ts";
import { staging } from "./staging.ts";

/** Every environment of this checkout. A further one is its file, `environments/<name>.ts`, and its entry here. */
export const environments: Environment[] = parseEnvironments([local, localPair, lab, dev, staging, prod]);
