import { initStateBucket, type PropertyResult } from "../aws/state-bucket/init.ts";
import { type Chosen, UsageError } from "./environment-choice.ts";
import { colours, print, printJson } from "./output.ts";

/** What `redis-ha state init --json` prints: a contract, described in docs/json.md. */
export interface StateInitDocument {
  readonly version: 1;
  readonly environment: string;
  readonly bucket: string;
  readonly region: string;
  readonly accountId: string;
  readonly keys: string;
  readonly holds: boolean;
  readonly changed: boolean;
  readonly properties: readonly PropertyResult[];
}

/**
 * Makes the bucket for the states of an environment, or adds what it lacks.
 * @returns 0 when it is what it should be, 1 when something is left to its owner
 * @throws UsageError for an environment whose states are local files
 */
export async function stateInit({ environment, inventory }: Chosen, json: boolean): Promise<number> {
  const place = inventory.stateBucket;
  if (place === undefined)
    throw new UsageError(
      `${environment} has its state in local files, so there is no bucket to make; ` +
        `backend: { kind: "s3", ... } in its description would change that`,
    );
  const { accountId, results } = await initStateBucket(place, (result) => {
    if (!json) print(lineOf(result));
  });
  const holds = results.every(({ result }) => result !== "problem");
  const changed = results.some(({ result }) => result === "changed");
  const { bucket, region, keys } = place;
  if (json) {
    const where = { bucket, region, accountId, keys };
    printJson({ version: 1, environment, ...where, holds, changed, properties: results } satisfies StateInitDocument);
  } else print(summary(environment, `s3://${bucket}/${keys}`, holds, changed));
  return holds ? 0 : 1;
}

function lineOf({ id, result, message }: PropertyResult): string {
  const paint = { changed: colours.green, unchanged: colours.dim, kept: colours.yellow, problem: colours.red }[result];
  return `${id}: ${paint(result)}: ${message}`;
}

function summary(environment: string, place: string, holds: boolean, changed: boolean): string {
  if (!holds) return colours.red(`${environment}: the bucket is not as it should be: ${place}`);
  return `${colours.green(`${environment}: ${changed ? "the bucket is ready" : "nothing to change"}`)}, states are in ${place}`;
}
