import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { redisUsers, sentinelUsers } from "../../topology/acl-node.ts";

/** How base64 of more than the value itself may begin before it: at any of three places. */
const SHIFTS = [0, 1, 2] as const;

const BEGINNING = "the beginning of a password";

/** Everything secret that a store has had at any time, and by what it is known again where it does not belong. */
export class KnownSecrets {
  /** What is looked for, and whose it is. */
  private readonly values = new Map<string, string>();
  private readonly hashes = new Map<string, string>();

  /** @param store a folder with one file a secret */
  private constructor(private readonly store: string) {}

  /**
   * Stores passwords of the test's own, before anything else is made there. They begin with a word that no other text has, so that
   * a part of one is known, too.
   */
  static begin(store: string): KnownSecrets {
    const secrets = new KnownSecrets(store);
    const mark = `mark${randomBytes(8).toString("hex")}`;
    secrets.values.set(mark, BEGINNING);
    for (const folder of [store, path.join(store, "users")]) fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const user of [...redisUsers, ...sentinelUsers])
      fs.writeFileSync(path.join(store, "users", user), mark + randomBytes(24).toString("base64url"), { mode: 0o600 });
    secrets.learn();
    return secrets;
  }

  /** Of a store that is there. */
  static of(store: string): KnownSecrets {
    const secrets = new KnownSecrets(store);
    secrets.learn();
    return secrets;
  }

  /** Adds what is in the store now. */
  learn(): void {
    for (const name of fs.readdirSync(this.store, { recursive: true, encoding: "utf8" })) {
      if (!name.startsWith("users/") && !name.endsWith(".key")) continue;
      const text = fs.readFileSync(path.join(this.store, name), "utf8").trim();
      if (name.startsWith("users/"))
        this.hashes.set(createHash("sha256").update(text).digest("hex"), `hash of ${name}`);
      for (const value of name.endsWith(".key") ? privateLines(text) : [text])
        for (const look of [value, ...SHIFTS.map((shift) => base64Of(value, shift))])
          if (!this.values.has(look)) this.values.set(look, name);
    }
  }

  /** A stored value, to be put where it does not belong. */
  value(name: string): string {
    const text = fs.readFileSync(path.join(this.store, name), "utf8").trim();
    return name.endsWith(".key") ? (privateLines(text)[0] ?? "") : text;
  }

  /** One text a line, as grep takes them. @param hashes those of the passwords, too */
  patterns(hashes: boolean): string {
    return [...this.known(hashes).keys()].join("\n");
  }

  /** Whose it is that such a pattern has found. */
  nameOf(found: string): string {
    return this.known(true).get(found) ?? "a secret";
  }

  /** The names of the secrets that a text has in it. */
  in(text: string, { hashes = false } = {}): string[] {
    const found = new Set([...this.known(hashes)].flatMap(([value, name]) => (text.includes(value) ? [name] : [])));
    // Of one that is there as a whole, the beginning is no news.
    if (found.size > 1) found.delete(BEGINNING);
    return [...found];
  }

  private known(hashes: boolean): Map<string, string> {
    return new Map([...this.values, ...(hashes ? this.hashes : [])]);
  }
}

/** Of a key in PEM, the lines that have something of its private part; the last one has the public part only. */
const privateLines = (pem: string): string[] => pem.split("\n").slice(1, -2);

/** What base64 of a text with this value somewhere in it has in it. */
function base64Of(value: string, shift: (typeof SHIFTS)[number]): string {
  const text = Buffer.from("\0".repeat(shift) + value).toString("base64");
  return text.replace(/=*$/, "").slice(shift === 0 ? 0 : shift + 1, -2);
}
