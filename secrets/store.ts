/**
 * Where the secrets of one environment are kept. A name is a relative path of lower-case words: `users/app`,
 * `users/app.previous`, `tls/nodes/redis-a.key`. A value is text, and never part of an error.
 */
export interface SecretStore {
  /** Where it is, for people: `the folder <its path>`. */
  describe(): string;
  /** The names of all secrets, sorted. */
  list(): Promise<string[]>;
  /** When a secret was last written; undefined when there is none. */
  changed(name: string): Promise<Date | undefined>;
  /** @returns undefined when there is none */
  read(name: string): Promise<string | undefined>;
  /**
   * Writes a value as a whole: whoever reads meanwhile, and a crash, get the old one or the new one.
   * @param options.ifAbsent keep the value that is there; of several at once, one is first and the others keep its value
   * @returns whether this value is now the stored one
   */
  write(name: string, value: string, options?: { ifAbsent?: boolean }): Promise<boolean>;
  /** Does nothing when there is none. */
  remove(name: string): Promise<void>;
}

const word = "[a-z0-9][a-z0-9-]*(?:\\.[a-z0-9][a-z0-9-]*)*";
const form = new RegExp(`^${word}(?:/${word})*$`);

/** Whether a text can be the name of a secret. No part of one begins with a dot, so no name leaves its store. */
export const isSecretName = (name: string): boolean => name.length <= 200 && form.test(name);

/** @throws for what cannot be the name of a secret */
export function checkName(name: string): void {
  if (!isSecretName(name))
    throw new Error(
      `"${name.slice(0, 200)}" cannot be the name of a secret; use lower-case words, as in users/app or tls/nodes/redis-a.key`,
    );
}
