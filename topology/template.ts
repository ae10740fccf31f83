import { readFileSync } from "node:fs";

import { Eta } from "eta";

// What is rendered is neither HTML nor prose: nothing is escaped, and line ends stay where the template has them.
const eta = new Eta({ autoEscape: false, autoTrim: false });

export type Template = ReturnType<typeof eta.compile>;

/** A file of templates/, by its name. */
export const templateOf = (name: string): Template =>
  eta.compile(readFileSync(new URL(`../templates/${name}`, import.meta.url), "utf8"));

/** The text with these values in its holes. */
export const filled = (template: Template, values: object): string => eta.render(template, values);
