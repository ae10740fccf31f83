import { z } from "zod";
import { closest } from "./closest.ts";
import { environmentSchema, type Environment } from "./environment.ts";
import type { Problem } from "./rules/rule.ts";

/** Turns what the schema finds into the words of whoever writes an environment. */

type Issue = z.core.$ZodIssue;

/** `zones.c.nodes[0].port`; a key that is no plain name appears as `zones["Zone C"]`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => {
      if (typeof key === "number") return `[${key}]`;
      const text = String(key);
      if (!/^[A-Za-z_][\w-]*$/.test(text)) return `[${JSON.stringify(text)}]`;
      return index === 0 ? text : `.${text}`;
    })
    .join("");
}

const nouns: Readonly<Record<string, string>> = {
  string: "a text",
  // No field takes a fraction.
  number: "a whole number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object with a name for each entry",
};

function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

const choice = (values: readonly unknown[]): string =>
  values.length === 1 ? String(values[0]) : `one of ${values.map(String).join(", ")}`;

function unknownFields(keys: readonly string[], known: readonly string[]): string {
  const guesses = keys.map((key) => {
    const guess = closest(key, known);
    return guess === undefined ? `unknown field ${key}` : `unknown field ${key}, did you mean ${guess}?`;
  });
  return `${guesses.join("; ")} (known here: ${known.join(", ")})`;
}

/** Messages for what the schema itself has no words for. */
function explain(issue: z.core.$ZodRawIssue): string | undefined {
  const missing = issue.input === undefined;
  switch (issue.code) {
    case "invalid_type": {
      const noun = nouns[issue.expected] ?? issue.expected;
      return missing ? `missing; give ${noun}` : `${shown(issue.input)} is not ${noun}`;
    }
    case "invalid_value":
      return missing
        ? `missing; use ${choice(issue.values)}`
        : `${shown(issue.input)} is unknown; use ${choice(issue.values)}`;
    case "invalid_union": {
      const { discriminator: field, options: known = [] } = issue as { discriminator?: string; options?: unknown[] };
      if (field === undefined) return undefined;
      const given = (issue.input as Readonly<Record<string, unknown>> | undefined)?.[field];
      const options = choice(known);
      return given === undefined ? `missing; use ${options}` : `${shown(given)} is unknown; use ${options}`;
    }
    case "too_small": {
      if (issue.origin === "string") return "empty; give a text";
      if (issue.origin === "array") return "empty; give at least one entry";
      const least = Number(issue.minimum) + (issue.inclusive ? 0 : 1);
      return `${shown(issue.input)} is too small; use ${least} or more`;
    }
    case "too_big":
      return `${shown(issue.input)} is too large; use ${String(issue.maximum)} or less`;
    case "unrecognized_keys":
      return unknownFields(issue.keys, issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : []);
    default:
      return undefined;
  }
}

/** A message that the schema has of its own says what to use; here it gets what was given in front. */
function messageOf(issue: Issue): string {
  if (issue.code === "invalid_key") return `this name cannot be used; ${issue.issues.map((i) => i.message).join("; ")}`;
  return issue.message.startsWith("use ") ? `${shown(issue.input)} cannot be used; ${issue.message}` : issue.message;
}

/** Fills in the defaults, or names every field that does not fit the schema. */
export function readShape(input: unknown): { environment: Environment } | { problems: Problem[] } {
  const result = environmentSchema.safeParse(input, { error: explain, reportInput: true });
  return result.success
    ? { environment: result.data }
    : { problems: result.error.issues.map((issue) => ({ path: fieldPath(issue.path), message: messageOf(issue) })) };
}
