import type { SecretStore } from "./store.ts";

/**
 * The stored value, which is made if there is none; of two who make it at once, both get the first one's.
 * @param made is told the name when this call made it
 */
export async function ensured(
  store: SecretStore,
  name: string,
  make: () => string | Promise<string>,
  made: (name: string) => void = () => undefined,
): Promise<string> {
  const there = await store.read(name);
  if (there !== undefined) return there;
  const value = await make();
  if (await store.write(name, value, { ifAbsent: true })) {
    made(name);
    return value;
  }
  const first = await store.read(name);
  if (first === undefined)
    throw new Error(`${store.describe()}: ${name} was removed while it was made; run init again`);
  return first;
}
