import { testingMatchers } from "cdktf";
import { expect } from "vitest";

/** A resource type by name, or a construct class that carries it. */
type ResourceType = string | { readonly tfResourceType: string };

interface StackMatchers {
  /** The synthesized stack has a resource of this type. */
  toHaveResource(type: ResourceType): void;
  /**
   * One of the stack's resources of this type has all of these properties, and perhaps more.
   * Keys may be in camelCase or as Terraform spells them; values may be matchers such as `expect.stringContaining`.
   */
  toHaveResourceWithProperties(type: ResourceType, properties: Readonly<Record<string, unknown>>): void;
}

declare module "vitest" {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type, @typescript-eslint/no-unused-vars -- vitest's own way to add matchers
  interface Matchers<T> extends StackMatchers {}
}

const toHaveResourceWithProperties = testingMatchers.getToHaveResourceWithProperties(
  (items: object, properties: Record<string, unknown>) =>
    Object.values(items).some((item: unknown) => matches(properties, item)),
);

const assert = (stack: unknown, type: ResourceType, properties?: Readonly<Record<string, unknown>>) =>
  testingMatchers.returnMatcherToJest(
    toHaveResourceWithProperties(
      JSON.stringify(stack),
      { tfResourceType: typeof type === "string" ? type : type.tfResourceType },
      properties,
    ),
  );

expect.extend({
  toHaveResource: (stack: unknown, type: ResourceType) => assert(stack, type),
  toHaveResourceWithProperties: (stack: unknown, type: ResourceType, properties: Readonly<Record<string, unknown>>) =>
    assert(stack, type, properties),
});

/** CDKTF's own comparison knows both spellings of a key; a matcher of vitest's takes over where there is one. */
function matches(expected: unknown, received: unknown): boolean {
  if (isMatcher(expected)) return expected.asymmetricMatch(received);
  if (typeof expected !== "object" || expected === null) return Object.is(expected, received);
  if (typeof received !== "object" || received === null) return false;
  if (Array.isArray(expected)) {
    return (
      Array.isArray(received) &&
      expected.length === received.length &&
      expected.every((item, index) => matches(item, received[index]))
    );
  }
  const properties = received as Readonly<Record<string, unknown>>;
  return Object.entries(expected).every(([key, value]) =>
    matches(value, properties[key] ?? properties[snakeCase(key)]),
  );
}

const isMatcher = (value: unknown): value is { asymmetricMatch: (received: unknown) => boolean } =>
  typeof value === "object" && value !== null && "asymmetricMatch" in value;

const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
