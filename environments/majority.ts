/** The smallest number that is more than half of `count`. */
export const majority = (count: number): number => Math.floor(count / 2) + 1;
