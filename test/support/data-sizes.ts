/** Sizes in GB, with commas between: what `npm run bench:chaos -- --data-gb` sets. */
export const DATA_GB = "REDIS_HA_TEST_DATA_GB";

/** @returns sizes in GB, the smallest first. @throws when the text has others than 0 to 100 */
export function dataSizes(text: string): number[] {
  if (/^\d+(\.\d+)?(,\d+(\.\d+)?)*$/.test(text)) {
    const sizes = text.split(",").map(Number);
    if (sizes.every((gb) => gb <= 100)) return sizes.sort((a, b) => a - b);
  }
  throw new Error(`"${text}" cannot be used; write sizes in GB from 0 to 100, with commas between, for example 0,1,4`);
}
