/** Largest share of a host's memory for data: under writes the fork of a snapshot can copy every page. */
const dataShare = 0.45;

/** @returns the most that maxmemory may be, in whole MiB, where there are `memoryMb` MiB of memory */
export const mostDataMb = (memoryMb: number): number => Math.floor(memoryMb * dataShare);

/** @returns how many MiB of memory a maxmemory of `dataMb` MiB takes, with what a fork can copy */
export const memoryForDataMb = (dataMb: number): number => Math.ceil(dataMb / dataShare);
