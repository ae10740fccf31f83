import { expect, it } from "vitest";
import { dataSizes } from "../support/data-sizes.ts";

it.each([
  ["1", [1]],
  ["4,0,1", [0, 1, 4]],
  ["0.25,10", [0.25, 10]],
])("%s: the sizes, the smallest first", (text, sizes) => {
  expect(dataSizes(text)).toEqual(sizes);
});

it.each(["", "1,", "1 GB", "-1", "101", "1;4"])("%j is refused, with an example", (text) => {
  expect(() => dataSizes(text)).toThrow(`"${text}" cannot be used; write sizes in GB from 0 to 100`);
});
