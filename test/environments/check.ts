import { expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { linesOf } from "./inputs.ts";

export interface Case {
  readonly rule: string;
  readonly change: (input: EnvironmentInput) => void;
  /** Without the file. */
  readonly lines: readonly string[];
}

/** One test a case: the base environment with one change gives exactly these lines. */
export function check(base: () => EnvironmentInput, cases: readonly Case[]): void {
  it.each(cases)("$rule", ({ change, lines }) => {
    const input = base();
    change(input);
    expect(linesOf([input])).toEqual(lines.map((line) => `environments/${input.name}.ts: ${line}`));
  });
}
