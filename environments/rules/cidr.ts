/** IPv4 address ranges as numbers. Text is taken as already checked by the schema. */
export interface Range {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

export const toNumber = (address: string): number =>
  address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);

export const toAddress = (value: number): string =>
  [2 ** 24, 2 ** 16, 2 ** 8, 1].map((unit) => Math.floor(value / unit) % 256).join(".");

/** `10.0.1.7/24` means the range that it lies in, 10.0.1.0 to 10.0.1.255. */
export function toRange(cidr: string): Range {
  const [address = "", length = ""] = cidr.split("/");
  const size = 2 ** (32 - Number(length));
  const first = Math.floor(toNumber(address) / size) * size;
  return { first, last: first + size - 1, prefix: Number(length) };
}

/** The range as it is written: with its first address. */
export const toCidr = (range: Range): string => `${toAddress(range.first)}/${range.prefix}`;

export const contains = (outer: Range, inner: Range): boolean => inner.first >= outer.first && inner.last <= outer.last;

export const overlaps = (one: Range, other: Range): boolean => one.first <= other.last && other.first <= one.last;

export const holds = (range: Range, address: string): boolean => {
  const value = toNumber(address);
  return value >= range.first && value <= range.last;
};
