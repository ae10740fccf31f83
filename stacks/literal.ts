/**
 * Marks a text as plain for Terraform: `${` and `%{` open a template in every string of Terraform JSON,
 * and doubling their first character makes them text again.
 */
export const literal = (text: string): string => text.replace(/[$%](?=\{)/g, "$&$&");

/** `literal` for every text inside a value; numbers, booleans and the shape stay as they are. */
export function literals<T>(value: T): T {
  return escaped(value) as T;
}

function escaped(value: unknown): unknown {
  if (typeof value === "string") return literal(value);
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [literal(key), escaped(inner)]));
  }
  return value;
}
