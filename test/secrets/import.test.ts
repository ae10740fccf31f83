import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { firstToExpire, namesOf, tlsProblems } from "../../secrets/certificates.ts";
import { FileStore } from "../../secrets/file-store.ts";
import { type Given, importSecrets, withoutCertificate } from "../../secrets/import.ts";
import { authorityFile, authorityKey } from "../../secrets/authorities.ts";
import { initSecrets, readRevision } from "../../secrets/init.ts";
import { certificateOf, keyOf } from "../../secrets/issued.ts";
import type { SecretStore } from "../../secrets/store.ts";
import { node } from "./nodes.ts";
import { type Made, openssl, opensslCertificate } from "./openssl.ts";
import { filesBelow, scratch } from "./places.ts";

const nodes = [node("a"), node("b", "10.0.0.8")];
const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
const ca = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
const rsa = ["rsa:2048"];
const p384 = ["ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"];
const san = (of: typeof a): string => `subjectAltName=DNS:${of.name},DNS:localhost,IP:${of.address},IP:127.0.0.1`;
/** For a node, with those between it and the root. */
const leaf = async (of: typeof a, issuer: Made, between: readonly Made[] = [], algorithm = rsa): Promise<Made> => {
  const { certificate, key } = await opensslCertificate("whoever", [san(of)], issuer, algorithm);
  return { certificate: [certificate, ...between.map((each) => each.certificate)].join(""), key };
};

describe("importing an authority and certificates", () => {
  let folder: string;
  let store: FileStore;
  beforeEach(() => {
    folder = path.join(scratch(), "store");
    store = new FileStore(folder);
  });
  const nobody = (): Promise<undefined> => Promise.resolve(undefined);
  const imports = (given: Given, running = nobody as () => Promise<string | undefined>, into: SecretStore = store) =>
    importSecrets(into, nodes, given, running);
  const init = (): Promise<string[]> => initSecrets(store, { masterName: "redis-ha-test", nodes });
  const read = async (name: string): Promise<string> => (await store.read(name)) ?? "";
  const problems = async (): Promise<string[]> => {
    const found = nodes.map(async (each) => {
      const [certificate, key] = [await read(certificateOf(each.name)), await read(keyOf(each.name))];
      return tlsProblems({ authority: await read(authorityFile), certificate, key }, namesOf(each));
    });
    return (await Promise.all(found)).flat();
  };
  const failure = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => "no error",
      (error: Error) => error.message,
    );

  it.each([
    ["RSA", rsa],
    ["ECDSA on P-384", p384],
  ])(
    "with an authority's key (%s), the nodes' certificates are made by it, and openssl believes them",
    async (_, kind) => {
      // A name and an identifier as other programs may choose them.
      const identifier = "subjectKeyIdentifier=0102030405060708";
      const root = await opensslCertificate("Wurzel Ö/O=Müller \\+ Co", [...ca, identifier], undefined, kind);
      const given = { authority: { certificates: `some words\n${root.certificate}`, key: root.key } };
      expect(await imports(given)).toEqual({ stored: [authorityKey, authorityFile], removed: [] });
      expect(await readRevision(store)).toBe(1);
      expect(await init()).toContain("tls/nodes/redis-b.crt");
      expect(await problems()).toEqual([]);
      const files = { ca: root.certificate, crt: await read(certificateOf("redis-b")) };
      expect(
        await openssl(files, "verify", "-x509_strict", "-CAfile", "ca", "-verify_ip", "10.0.0.8", "crt"),
      ).toContain("crt: OK");
      expect(await withoutCertificate(store, nodes)).toEqual([]);
      expect(await imports(given)).toEqual({ stored: [], removed: [] });
    },
  );

  it("an authority that is signed by another one signs, too, in whichever order they stand in the file", async () => {
    const root = await opensslCertificate("root", ca);
    const middle = await opensslCertificate("middle", ca, root, rsa);
    await imports({ authority: { certificates: `${root.certificate}${middle.certificate}`, key: middle.key } });
    await init();
    expect(await problems()).toEqual([]);
    expect((await read(authorityFile)).startsWith(middle.certificate)).toBe(true);
  });

  it("without the authority's key, each node needs its own certificate, and nothing is made in its place", async () => {
    const root = await opensslCertificate("root", ca, undefined, rsa);
    const middle = await opensslCertificate("middle", ca, root);
    expect(await failure(imports({ node: { node: a, ...(await leaf(a, root)) } }))).toContain("add --authority FILE");
    await imports({ authority: { certificates: root.certificate } });
    expect(await withoutCertificate(store, nodes)).toEqual(nodes);
    const first = await leaf(a, middle, [middle]);
    expect(await imports({ node: { node: a, ...first } })).toEqual({
      stored: ["tls/nodes/redis-a.crt", "tls/nodes/redis-a.key"],
      removed: [],
    });
    expect(await failure(init())).toContain(
      "tls/ca.key is missing, and redis-b needs a certificate; put it back, or import one: " +
        "npx redis-ha secrets import --node redis-b --certificate FILE --key FILE",
    );
    expect(await store.list()).not.toContain("tls/nodes/redis-b.key");
    await imports({ node: { node: b, ...(await leaf(b, root)) } });
    expect((await init()).filter((name) => name.startsWith("tls/"))).toEqual([]);
    expect([await problems(), await withoutCertificate(store, nodes)]).toEqual([[], []]);
    expect(await store.list()).not.toContain(authorityKey);
    // A renewed one, and what it replaces is counted.
    const before = await readRevision(store);
    expect((await imports({ node: { node: a, ...first } })).stored).toEqual([]);
    const { certificate } = await opensslCertificate("x", [san(a)], root, rsa);
    expect(await failure(imports({ node: { node: a, certificate, key: first.key } }))).toContain(
      "the key is not the one",
    );
    expect(await readRevision(store)).toBe(before);
    await imports({ node: { node: a, ...(await leaf(a, root)) } });
    expect([await problems(), await readRevision(store)]).toEqual([[], before + 1]);
  });

  it("nothing is stored of what does not fit, and it is said why", async () => {
    const root = await opensslCertificate("root", ca);
    const middle = await opensslCertificate("middle", ca, root);
    const short = await opensslCertificate("short", ["basicConstraints=critical,CA:TRUE,pathlen:0"]);
    const below = await opensslCertificate("below", ca, short);
    const other = await opensslCertificate("root", ca);
    const server = await opensslCertificate("server", ["basicConstraints=CA:FALSE"]);
    const [good, plain] = [await leaf(a, root), root.certificate];
    const encrypted = await openssl({ key: good.key }, "pkey", "-in", "key", "-aes256", "-passout", "pass:x");
    const ofNode = (its: Partial<Made>, certificates = plain): Given => ({
      authority: { certificates },
      node: { node: a, ...good, ...its },
    });
    const faults: [Given, string][] = [
      [{ authority: { certificates: "" } }, "no readable certificate; use PEM"],
      [{ authority: { certificates: server.certificate } }, '"CN=server" is not the certificate of an authority'],
      [
        { authority: { certificates: middle.certificate } },
        "no certificate that has signed itself; add those above it",
      ],
      [
        { authority: { certificates: plain, key: other.key } },
        "--authority-key: the key is not the one of the authority",
      ],
      [
        { authority: { certificates: short.certificate + below.certificate, key: below.key } },
        "path length constraint",
      ],
      [ofNode(await leaf(a, middle)), "redis-a: no authority of the authority's file has signed the certificate"],
      [
        ofNode(await leaf(a, middle), plain.concat(other.certificate)),
        "no authority of the authority's file has signed",
      ],
      [ofNode(await leaf(a, below, [below]), short.certificate), "OpenSSL refuses it: path length constraint exceeded"],
      [ofNode(await leaf(a, root, [], ["rsa:1024"])), "OpenSSL refuses it: ee key too small"],
      [ofNode(await leaf(b, root)), "does not name redis-a; issue one that does"],
      [ofNode({ key: root.key }), "the key is not the one of the certificate"],
      [ofNode({ certificate: plain + good.certificate }), "is not the first of its file; put it before"],
      [ofNode({ key: encrypted }), "the key is encrypted, and a server cannot ask"],
    ];
    for (const [given, words] of faults) {
      const error = await failure(imports(given));
      expect(error).toContain(words);
      expect(error).not.toContain(good.key.split("\n")[1]);
    }
    expect(filesBelow(path.dirname(folder))).toEqual({});
    expect(await failure(imports(ofNode({})))).toBe("no error");
  });

  it("an authority in the middle of the file of those that are trusted does not do: the one above it has to be there", async () => {
    const root = await opensslCertificate("root", ca);
    const middle = await opensslCertificate("middle", ca, root);
    const set = { ...(await leaf(a, middle)), authority: middle.certificate };
    expect(tlsProblems(set, namesOf(a))).toEqual([
      `the authority's file ends with "CN=middle", which another one has signed; add "CN=root", and so on up to the one that has signed itself`,
    ]);
    await expect(
      openssl({ ca: set.authority, crt: set.certificate }, "verify", "-CAfile", "ca", "crt"),
    ).rejects.toThrow("unable to get issuer certificate");
    expect(tlsProblems({ ...set, authority: middle.certificate + root.certificate }, namesOf(a))).toEqual([]);
  });

  it("what is above a certificate may expire before it", async () => {
    const root = await opensslCertificate("root", ca, undefined, rsa, 60);
    const middle = await opensslCertificate("middle", ca, root, rsa, 5);
    const set = { ...(await leaf(a, middle, [middle])), authority: root.certificate };
    expect(firstToExpire(set).subject).toBe("CN=middle");
    expect(firstToExpire({ ...set, ...(await leaf(a, root)) }).subject).toBe("CN=whoever");
  });

  it("another authority than a cluster runs with is refused; the same one, and certificates of it, are not", async () => {
    await init();
    const before = filesBelow(folder);
    const root = await opensslCertificate("root", ca);
    const running = (): Promise<string> => Promise.resolve("redis-a has been applied");
    const error = await failure(imports({ authority: { certificates: root.certificate, key: root.key } }, running));
    expect(error).toContain("redis-a has been applied, with another authority than this one");
    expect(error).toContain("first import a file with both");
    expect(filesBelow(folder)).toEqual(before);
    const own = { certificate: await read(authorityFile), key: await read(authorityKey) };
    const node = { node: a, ...(await leaf(a, own)) };
    expect((await imports({ authority: { certificates: own.certificate }, node }, running)).removed).toEqual([]);
    expect(await problems()).toEqual([]);
  });

  it("while a cluster runs, both are believed first, and only the next one when each node has a certificate of it", async () => {
    await init();
    const root = await opensslCertificate("root", ca);
    const running = (): Promise<string> => Promise.resolve("redis-a has been applied");
    const former = await read(authorityFile);
    const certificates = { both: `${former}${root.certificate}`, next: root.certificate };
    await imports({ authority: { certificates: certificates.both } }, running);
    expect(await problems()).toEqual([]);
    const [first, ...rest] = nodes;
    await imports({ node: { node: first!, ...(await leaf(first!, root)) } }, running);
    expect(await failure(imports({ authority: { certificates: certificates.next } }, running))).toContain("with both");
    for (const node of rest) await imports({ node: { node, ...(await leaf(node, root)) } }, running);
    await imports({ authority: { certificates: certificates.next } }, running);
    expect(await problems()).toEqual([]);
    expect(await read(authorityFile)).toBe(root.certificate);
    expect(await store.read(authorityKey)).toBeUndefined();
  });

  it("before the first apply it replaces what init has made; killed anywhere, the next run ends with the same", async () => {
    const root = await opensslCertificate("root", ca);
    const given = { authority: { certificates: root.certificate }, node: { node: a, ...(await leaf(a, root)) } };
    const expected = { [authorityFile]: root.certificate, [certificateOf("redis-a")]: given.node.certificate };
    for (let kill = 0; ; kill++) {
      folder = path.join(scratch(), "store");
      store = new FileStore(folder);
      await init();
      let left = kill;
      const killing =
        (write: (name: string, value: string) => Promise<unknown>) =>
        async (name: string, value = "") => {
          if (left-- === 0) throw new Error("killed");
          return write(name, value);
        };
      const killed = Object.assign(Object.create(store) as SecretStore, {
        write: killing((name, value) => store.write(name, value)),
        remove: killing((name) => store.remove(name)),
      });
      const error = await failure(imports(given, nobody, killed));
      if (error === "killed") await imports(given);
      else expect([error, kill]).toEqual(["no error", 7]);
      const { [authorityKey]: key, [certificateOf("redis-b")]: others, ...all } = filesBelow(folder);
      expect([key, others]).toEqual([undefined, undefined]);
      expect(all).toMatchObject(expected);
      expect(await withoutCertificate(store, nodes)).toEqual([b]);
      if (error !== "killed") break;
    }
  });
});
