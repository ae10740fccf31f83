import Table from "cli-table3";
import { type Figure, holds, summaryOf, type Unit } from "./figures.ts";

/** The same figures for people, for docs/benchmarks.md and for programs. Pure. */

export interface Report {
  /** As in 2026-01-31. */
  readonly date: string;
  /** Size and versions, in words. */
  readonly machine: string;
  /** Counted runs of each figure. */
  readonly runs: number;
  readonly figures: readonly Figure[];
}

const head = ["what", "median", "min to max", "budget", "holds"];
const digits: Readonly<Record<Unit, number>> = { s: 2, ms: 1, µs: 1, MB: 1, "%": 2, x: 2 };

const amount = (value: number, unit: Unit): string => `${value.toFixed(digits[unit])} ${unit}`;

function cells(figure: Figure): string[] {
  const { what, unit, samples, budget } = figure;
  const { median, min, max } = summaryOf(samples);
  const verdict = holds(figure);
  return [
    what,
    amount(median, unit),
    `${min.toFixed(digits[unit])} to ${max.toFixed(digits[unit])}`,
    budget === undefined ? "" : `${budget} ${unit}`,
    verdict === undefined ? "" : verdict ? "yes" : "no",
  ];
}

const measuredOn = ({ date, machine, runs }: Report): string =>
  `Measured on ${date}: ${machine}. ${runs} counted ${runs === 1 ? "run" : "runs"} each, after a warm-up.`;

export function terminalTable(report: Report): string {
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  table.push(...report.figures.map(cells));
  return `${measuredOn(report)}\n${table.toString()}`;
}

/** As it stands in docs/benchmarks.md, laid out as prettier does. */
export function markdownTable(report: Report): string {
  const rows = [head, ...report.figures.map(cells)];
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] as string).length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] as number)).join(" | ")} |`;
  const [first, ...rest] = rows.map(line);
  return [measuredOn(report), "", first, line(widths.map((width) => "-".repeat(width))), ...rest].join("\n");
}

export function jsonReport({ figures, ...about }: Report): string {
  const rows = figures.map((figure) => ({
    ...figure,
    budget: figure.budget ?? null,
    ...summaryOf(figure.samples),
    holds: holds(figure) ?? null,
  }));
  return JSON.stringify({ version: 1, ...about, figures: rows }, undefined, 2);
}
