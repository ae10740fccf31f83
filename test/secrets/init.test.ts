import { spawn } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { namesOf, tlsProblems } from "../../secrets/certificates.ts";
import { FileStore } from "../../secrets/file-store.ts";
import { authorityFile, authorityKey } from "../../secrets/authorities.ts";
import { initSecrets, readRevision, updateRevision } from "../../secrets/init.ts";
import { certificateOf, clientFile, clientKey, keyOf } from "../../secrets/issued.ts";
import { passwordHash } from "../../secrets/passwords.ts";
import type { SecretStore } from "../../secrets/store.ts";
import { authorityCertificate, newKey, nodeCertificate } from "../../secrets/x509.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { node } from "./nodes.ts";
import { filesBelow, scratch } from "./places.ts";

const three = [node("a"), node("b", "10.0.0.8"), node("c", "10.0.0.9")];
const users = ["app", "reader", "replica", "sentinel", "monitor", "admin", "sentinel-peer", "sentinel-client"];
const everything = [
  "tls/ca.crt",
  "tls/ca.key",
  ...["a", "b", "c"].flatMap((letter) => [`tls/nodes/redis-${letter}.crt`, `tls/nodes/redis-${letter}.key`]),
  ...users.map((user) => `users/${user}`),
].sort();

/** The store until the n-th write, which fails as if the process had been killed before or right after it. */
class Killed implements SecretStore {
  constructor(
    private readonly inner: SecretStore,
    private writes: number,
    private readonly after: boolean,
  ) {}
  describe = () => this.inner.describe();
  list = () => this.inner.list();
  changed = (name: string) => this.inner.changed(name);
  read = (name: string) => this.inner.read(name);
  remove = (name: string) => this.inner.remove(name);
  async write(...args: Parameters<SecretStore["write"]>): Promise<boolean> {
    const last = --this.writes < 0;
    if (last && !this.after) throw new Error("killed");
    const written = await this.inner.write(...args);
    if (last) throw new Error("killed");
    return written;
  }
}

describe("making secrets", () => {
  let folder: string;
  let store: FileStore;
  beforeEach(() => {
    folder = path.join(scratch(), "store");
    store = new FileStore(folder);
  });
  const init = (nodes: readonly TopologyNode[] = three): Promise<string[]> =>
    initSecrets(store, { masterName: "redis-ha-test", nodes });
  const read = async (name: string): Promise<string> => (await store.read(name)) ?? `${name} is missing`;
  const problemsOf = async (nodes: readonly TopologyNode[]): Promise<string[]> => {
    const found: string[] = [];
    for (const each of nodes) {
      const [authority, certificate, key] = await Promise.all(
        [authorityFile, certificateOf(each.name), keyOf(each.name)].map(read),
      );
      found.push(...tlsProblems({ authority, certificate, key } as never, namesOf(each)));
    }
    return found;
  };
  const failure = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => "no error",
      (error: Error) => error.message,
    );

  it("makes a password for each user, an authority and a certificate for each node", async () => {
    expect((await init()).sort()).toEqual(everything);
    expect(await problemsOf(three)).toEqual([]);
    const passwords = await Promise.all(users.map((user) => read(`users/${user}`)));
    for (const password of passwords) expect(password).toMatch(/^[\w-]{43}$/);
    expect(new Set(passwords).size).toBe(users.length);
    expect(await readRevision(store)).toBe(1);
  });

  it("leaves everything as it is when run again", async () => {
    await init();
    const before = filesBelow(folder);
    expect(await init()).toEqual([]);
    expect(filesBelow(folder)).toEqual(before);
  });

  it("makes what is missing, and nothing else", async () => {
    await init();
    const before = filesBelow(folder);
    await store.remove("users/app");
    expect(await init()).toEqual(["users/app"]);
    const { "users/app": app, revision, ...others } = filesBelow(folder);
    const { "users/app": formerApp, revision: formerRevision, ...formerOthers } = before;
    expect(others).toEqual(formerOthers);
    expect(app).not.toBe(formerApp);
    expect([formerRevision?.split(" ")[0], revision?.split(" ")[0]]).toEqual(["1", "2"]);
  });

  it("gives a new node a certificate without touching the others", async () => {
    await init(three.slice(0, 2));
    const before = filesBelow(folder);
    expect(await init()).toEqual(["tls/nodes/redis-c.key", "tls/nodes/redis-c.crt"]);
    const after = filesBelow(folder);
    expect(after).toMatchObject({ ...before, revision: after["revision"] });
    expect(await problemsOf(three)).toEqual([]);
    expect(await readRevision(store)).toBe(2);
  });

  it("gives a node with another address a certificate that names it, for the same key", async () => {
    await init();
    const before = filesBelow(folder);
    const moved = [node("a", "10.0.0.77"), ...three.slice(1)];
    expect(await problemsOf(moved)).toEqual(["the certificate does not name 10.0.0.77; issue one that does"]);
    expect(await init(moved)).toEqual(["tls/nodes/redis-a.crt"]);
    expect(await problemsOf(moved)).toEqual([]);
    const { revision, [certificateOf("redis-a")]: certificate, ...others } = filesBelow(folder);
    expect(before).toMatchObject(others);
    expect([certificate === before[certificateOf("redis-a")], revision === before["revision"]]).toEqual([false, false]);
    expect(await init(moved)).toEqual([]);
  });

  it("gives a node that lost its key another one, with a certificate for it", async () => {
    await init();
    await store.remove(keyOf("redis-b"));
    expect(await init()).toEqual(["tls/nodes/redis-b.key", "tls/nodes/redis-b.crt"]);
    expect(await problemsOf(three)).toEqual([]);
  });

  it("gives the clients a certificate where they have to show one, which no node receives", async () => {
    const isPair = async (): Promise<boolean> =>
      new X509Certificate(await read(clientFile)).checkPrivateKey(createPrivateKey(await read(clientKey)));
    const asked = { masterName: "redis-ha-test", nodes: three, clientCertificates: true };
    await init();
    expect(await initSecrets(store, asked)).toEqual([clientKey, clientFile]);
    expect(await readRevision(store)).toBe(1);
    expect(await isPair()).toBe(true);
    const before = filesBelow(folder);
    expect([await initSecrets(store, asked), await init()]).toEqual([[], []]);
    expect(filesBelow(folder)).toEqual(before);
    await store.remove(clientKey);
    expect(await initSecrets(store, asked)).toEqual([clientKey, clientFile]);
    expect(await isPair()).toBe(true);
  });

  it("ends with the same, wherever it was killed before", async () => {
    const writes = everything.length + 1;
    for (let kill = 0; kill < 2 * writes; kill++) {
      folder = path.join(scratch(), "store");
      store = new FileStore(folder);
      const killed = new Killed(store, kill >> 1, kill % 2 === 1);
      expect(await failure(initSecrets(killed, { masterName: "redis-ha-test", nodes: three }))).toBe("killed");
      const before = filesBelow(path.dirname(folder));
      await init();
      expect(filesBelow(path.dirname(folder))).toMatchObject(before);
      expect(await store.list()).toEqual(["revision", ...everything]);
      expect(await problemsOf(three)).toEqual([]);
      expect(await readRevision(store)).toBe(1);
    }
  });

  it("agrees with another one at the same time", async () => {
    for (let round = 0; round < 3; round++) {
      folder = path.join(scratch(), "store");
      store = new FileStore(folder);
      const script = path.join(import.meta.dirname, "init-once.ts");
      const both = [0, 1].map(() =>
        spawn(process.execPath, ["--import", "tsx", script, folder], { stdio: ["pipe", "pipe", "inherit"] }),
      );
      await Promise.all(both.map(({ stdout }) => once(stdout, "data")));
      const answers = both.map(({ stdout }) => once(stdout, "data") as Promise<[Buffer]>);
      for (const { stdin } of both) stdin.write("go\n");
      const made = (await Promise.all(answers)).map(([text]) => JSON.parse(text.toString()) as string[]);
      expect(made.flat().sort()).toEqual(everything);
      expect(await problemsOf(["a", "b", "c"].map((letter) => node(letter)))).toEqual([]);
      expect(await readRevision(store)).toBe(1);
      expect(fs.readdirSync(path.join(folder, "users")).sort()).toEqual([...users].sort());
    }
  });

  it("never replaces what somebody else has issued, and says what to do", async () => {
    await init();
    const key = await newKey();
    const other = { key, certificate: await authorityCertificate("their own", key) };
    const theirs = await nodeCertificate(other, namesOf(node("a", "10.9.9.9")), await read(keyOf("redis-a")));
    await store.write(certificateOf("redis-a"), theirs);
    expect(await init([node("a", "10.9.9.9")])).toEqual([]);
    expect(await failure(init([node("a", "10.0.0.77")]))).toMatch(
      /tls\/nodes\/redis-a\.crt does not name 10\.0\.0\.77, and tls\/ca\.crt has not issued it; import one: .* --node redis-a/,
    );
    expect(await read(certificateOf("redis-a"))).toBe(theirs);
  });

  it("needs the authority's key for new certificates only", async () => {
    await init(three.slice(0, 2));
    await store.remove(authorityKey);
    expect(await init(three.slice(0, 2))).toEqual([]);
    expect(await failure(init())).toContain("tls/ca.key is missing, and redis-c needs a certificate; put it back");
    expect(await store.read(authorityKey)).toBeUndefined();
  });

  it("issues nothing with an authority's key that is not its certificate's, or is none", async () => {
    await init(three.slice(0, 2));
    for (const [key, problem] of [
      [await newKey(), "the key is not the one of the authority's certificate"],
      ["no key, but-secret-all-the-same", "the key's file has no readable private key; use PEM, PKCS#8 for example"],
    ] as const) {
      await store.write(authorityKey, key);
      const error = await failure(init());
      expect(error).toContain(`tls/ca.key and tls/ca.crt cannot sign: ${problem}`);
      expect(error).not.toContain("but-secret");
    }
  });

  it("counts up when something that nodes receive changes, and only then", async () => {
    expect(await readRevision(store)).toBe(0);
    await init();
    expect(await updateRevision(store)).toBe(1);
    await store.write("users/app.previous", await read("users/app"));
    expect(await updateRevision(store)).toBe(2);
    await store.write(authorityKey, "nodes do not receive it");
    expect(await updateRevision(store)).toBe(2);
    await store.remove("users/app.previous");
    expect(await updateRevision(store)).toBe(3);
    await store.write("revision", "many");
    expect(await failure(updateRevision(store))).toContain('the secret "revision" is no number');
  });
});

it("the hash of a password is the one that ACL files have", () => {
  // Of the Redis documentation of ACL SETUSER.
  expect(passwordHash("hello")).toBe("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
});
