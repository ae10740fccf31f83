import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { authorityFile, authorityKey } from "../../secrets/authorities.ts";
import { namesOf } from "../../secrets/certificates.ts";
import { FileStore } from "../../secrets/file-store.ts";
import { initSecrets } from "../../secrets/init.ts";
import { certificateOf, keyOf } from "../../secrets/issued.ts";
import { nodeSecrets } from "../../secrets/node-secrets.ts";
import { passwordHash, passwordOf } from "../../secrets/passwords.ts";
import { ownUsers } from "../../topology/node-secrets.ts";
import { expiredCertificate } from "../support/dated-certificate.ts";
import { node } from "./nodes.ts";
import { filesBelow, scratch } from "./places.ts";

const [a, b] = [node("a"), node("b", "10.0.0.8")];

describe("what a node gets of the secrets", () => {
  let folder: string;
  let store: FileStore;
  beforeEach(async () => {
    folder = path.join(scratch(), "store");
    store = new FileStore(folder);
    await initSecrets(store, { masterName: "redis-ha-lab", nodes: [a, b] });
  });
  const stored = (name: string): string => (filesBelow(folder)[name] ?? "").trim();

  it("has its own passwords, key and certificate", async () => {
    const { passwords, tls } = await nodeSecrets(store, "lab", b, true);
    for (const user of ownUsers) expect(passwords[user]).toBe(stored(passwordOf(user)));
    expect(tls?.key.trim()).toBe(stored(keyOf("redis-b")));
    expect(tls?.certificate.trim()).toBe(stored(certificateOf("redis-b")));
  });

  it("has of everybody else's passwords only what checks them, of another node's key nothing, and not the authority's", async () => {
    const text = JSON.stringify(await nodeSecrets(store, "lab", b, true));
    const { hashes } = await nodeSecrets(store, "lab", b, true);
    for (const user of ["app", "reader", "monitor", "sentinel-client"] as const) {
      expect(hashes[user]).toEqual([passwordHash(stored(passwordOf(user)))]);
      expect(text).not.toContain(stored(passwordOf(user)));
    }
    for (const key of [keyOf("redis-a"), "tls/ca.key"]) {
      const [, line = ""] = stored(key).split("\n");
      expect(line.length).toBeGreaterThan(20);
      expect(text).not.toContain(line);
    }
  });

  it("is refused, with what is missing and the command that makes it, and without any value", async () => {
    await store.remove(passwordOf("admin"));
    await store.remove(keyOf("redis-b"));
    await expect(nodeSecrets(store, "lab", b, true)).rejects.toThrow(
      /^redis-b: the folder .* has no users\/admin, tls\/nodes\/redis-b\.key\. .* npx redis-ha secrets init --env lab$/,
    );
  });

  it("is refused when the certificate is not for where the node is now", async () => {
    await expect(nodeSecrets(store, "lab", { ...b, address: "10.0.0.99" }, true)).rejects.toThrow(
      "the certificate does not name 10.0.0.99",
    );
  });

  it("is refused when the certificate has expired, with what to do", async () => {
    const key = stored(keyOf("redis-b"));
    const authority = { certificate: stored(authorityFile), key: stored(authorityKey) };
    await store.write(certificateOf("redis-b"), await expiredCertificate(authority, namesOf(b), key));
    await expect(nodeSecrets(store, "lab", b, true)).rejects.toThrow(
      /^redis-b: .*has expired on .* The node was not touched\. Import another one.* Then: npx redis-ha converge --env lab$/,
    );
  });
});
