import { X509Certificate } from "node:crypto";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  authorityFile,
  authorityKey,
  authorityStage,
  beginAuthority,
  forgetAuthority,
  nextAuthorityFile,
  nextAuthorityKey,
  previousAuthorityFile,
  replaceAuthority,
  trustedAuthorities,
} from "../../secrets/authorities.ts";
import { namesOf, tlsProblems } from "../../secrets/certificates.ts";
import { FileStore } from "../../secrets/file-store.ts";
import { initSecrets, updateRevision } from "../../secrets/init.ts";
import { certificateOf, clientFile, clientKey, keyOf, ofNode, renewCertificate } from "../../secrets/issued.ts";
import { nodeSecrets } from "../../secrets/node-secrets.ts";
import { stepsOf } from "../../secrets/rotations.ts";
import type { SecretStore } from "../../secrets/store.ts";
import { expiredCertificate } from "../support/dated-certificate.ts";
import { node } from "./nodes.ts";
import { scratch } from "./places.ts";

const nodes = [node("a"), node("b", "10.0.0.8")];
const environment = { masterName: "redis-ha-lab", nodes, clientCertificates: false };
const DAY_MS = 86_400_000;

describe("certificates that are replaced", () => {
  let store: FileStore;
  beforeEach(async () => {
    store = new FileStore(path.join(scratch(), "store"));
    await initSecrets(store, environment);
  });
  afterEach(() => vi.useRealTimers());

  const read = async (name: string): Promise<string> => (await store.read(name)) ?? "";
  const count = (pem: string | undefined): number => pem?.match(/BEGIN CERTIFICATE/g)?.length ?? 0;
  const problemsOf = async (each: (typeof nodes)[number], authority: string): Promise<string[]> => {
    const [certificate, key] = [await read(certificateOf(each.name)), await read(keyOf(each.name))];
    return tlsProblems({ authority, certificate, key }, namesOf(each));
  };

  it("the next authority is believed beside the present one, whose certificates stay", async () => {
    const present = await read(authorityFile);
    const shown = await read(certificateOf("redis-a"));
    await beginAuthority(store, "another CA");
    const next = await read(nextAuthorityFile);
    await beginAuthority(store, "another CA");
    await initSecrets(store, environment);
    expect(await read(nextAuthorityFile)).toBe(next);
    expect(await read(certificateOf("redis-a"))).toBe(shown);
    const { tls } = await nodeSecrets(store, "lab", nodes[0] as (typeof nodes)[number], true);
    expect(count(tls?.authority)).toBe(2);
    expect(tls?.authority).toContain(present.trim());
    expect(JSON.stringify(tls)).not.toContain((await read(nextAuthorityKey)).split("\n")[1]);
    expect(await authorityStage(store)).toBe("waiting");
  });

  it("replaced, it signs the nodes' certificates, and both are believed until the previous one is forgotten", async () => {
    const former = await read(authorityFile);
    await beginAuthority(store, "another CA");
    const next = await read(nextAuthorityFile);
    await replaceAuthority(store);
    const made = await initSecrets(store, environment);
    expect(made).toEqual(nodes.map(({ name }) => certificateOf(name)));
    expect(count(await trustedAuthorities(store))).toBe(2);
    for (const each of nodes) {
      expect(await problemsOf(each, next)).toEqual([]);
      expect(await problemsOf(each, former)).toEqual([expect.stringContaining("no authority of the authority's file")]);
    }
    await forgetAuthority(store);
    expect(await trustedAuthorities(store)).toBe(`${next.trim()}\n`);
    expect(await authorityStage(store)).toBe("none");
    expect(await initSecrets(store, environment)).toEqual([]);
  });

  it("killed after any write, the replacement goes on where it was", async () => {
    for (const writes of [1, 2, 3, 4]) {
      store = new FileStore(path.join(scratch(), "store"));
      await initSecrets(store, environment);
      const former = await read(authorityFile);
      await beginAuthority(store, "another CA");
      const [next, key] = [await read(nextAuthorityFile), await read(nextAuthorityKey)];
      await expect(replaceAuthority(dying(store, writes))).rejects.toThrow("killed");
      await replaceAuthority(store);
      expect(await read(authorityFile), `after ${writes} writes`).toBe(next);
      expect(await read(authorityKey)).toBe(key);
      expect(await read(previousAuthorityFile)).toBe(former);
      await initSecrets(store, environment);
      await forgetAuthority(store);
      expect(await store.list()).not.toContain(nextAuthorityKey);
      for (const each of nodes) expect(await problemsOf(each, next)).toEqual([]);
    }
  });

  it("killed after any write of a rotation, everything else goes on, and so does the rotation", async () => {
    for (const clientCertificates of [false, true]) {
      for (let writes = 0, ended = false; !ended; writes++) {
        const store = inMemory();
        const inventory = { ...environment, clientCertificates };
        await initSecrets(store, inventory);
        const run = async (through: SecretStore, finish: boolean): Promise<void> => {
          for (const { change } of await stepsOf("authority", through, inventory, finish)) {
            await change?.();
            await untold();
          }
        };
        // As every command does: it makes what is missing, and each node gets what is right for it.
        const untold = async (): Promise<void> => {
          await initSecrets(store, inventory);
          for (const each of nodes) await nodeSecrets(store, "lab", each, true);
        };
        const died = async (through: SecretStore): Promise<boolean> => {
          try {
            await run(through, false);
            await run(through, true);
            return false;
          } catch (error) {
            expect((error as Error).message).toBe("killed");
            return true;
          }
        };
        ended = !(await died(dying(store, writes)));
        await untold();
        await untold();
        const waits = (await store.list()).includes(previousAuthorityFile);
        if (waits) await expect(run(store, false)).rejects.toThrow("run it with --finish first");
        else if (!ended) await run(store, false);
        await run(store, true);
        await untold();
        expect(await authorityStage(store), `after ${writes} writes`).toBe("none");
        expect((await store.list()).filter((name) => /next|previous/.test(name))).toEqual([]);
        for (const each of nodes) await nodeSecrets(store, "lab", each, true);
      }
    }
  });

  it("it is not replaced before clients could get a certificate of the next one, and theirs is made once", async () => {
    const inventory = { ...environment, clientCertificates: true };
    await initSecrets(store, inventory);
    await beginAuthority(store, "another CA");
    await expect(stepsOf("authority", store, inventory, true)).rejects.toThrow("run it without --finish first");
    for (const { change } of await stepsOf("authority", store, inventory, false)) await change?.();
    const given = [await read(clientKey), await read(clientFile)];
    for (const { change } of await stepsOf("authority", store, inventory, false)) await change?.();
    for (const { change } of await stepsOf("authority", store, inventory, true)) await change?.();
    expect([await read(clientKey), await read(clientFile)]).toEqual(given);
  });

  it("what an authority without its key here has issued is left alone, however short it is", async () => {
    const [a] = nodes as [(typeof nodes)[number]];
    const authority = { certificate: await read(authorityFile), key: await read(authorityKey) };
    const expired = await expiredCertificate(authority, namesOf(a), await read(keyOf(a.name)));
    await store.write(certificateOf(a.name), expired);
    await store.remove(authorityKey);
    expect(await initSecrets(store, environment)).toEqual([]);
    await store.write(authorityKey, authority.key);
    expect(await initSecrets(store, environment)).toEqual([certificateOf(a.name)]);
  });

  it("an authority that was not made here is not replaced", async () => {
    await store.remove(authorityKey);
    await expect(beginAuthority(store, "another CA")).rejects.toThrow("tls/ca.key is missing");
    expect(await authorityStage(store)).toBe("none");
  });

  it("a node's key and certificate are renewed together; killed in between, the next init makes them a pair", async () => {
    const [a] = nodes as [(typeof nodes)[number]];
    const key = await read(keyOf(a.name));
    await renewCertificate(store, ofNode(a));
    expect(await read(keyOf(a.name))).not.toBe(key);
    expect(await problemsOf(a, await read(authorityFile))).toEqual([]);
    await expect(renewCertificate(dying(store, 1), ofNode(a))).rejects.toThrow("killed");
    expect(await problemsOf(a, await read(authorityFile))).toEqual([expect.stringContaining("the key is not the one")]);
    expect(await initSecrets(store, environment)).toEqual([certificateOf(a.name)]);
    expect(await problemsOf(a, await read(authorityFile))).toEqual([]);
  });

  it("a certificate with fewer than 60 days left is made anew, for the same key", async () => {
    const [a] = nodes as [(typeof nodes)[number]];
    const one = { ...environment, nodes: [a] };
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - (825 - 59) * DAY_MS });
    store = new FileStore(path.join(scratch(), "store"));
    await initSecrets(store, one);
    vi.useRealTimers();
    const [key, former] = [await read(keyOf(a.name)), await read(certificateOf(a.name))];
    expect(await initSecrets(store, one)).toEqual([certificateOf(a.name)]);
    expect(await read(keyOf(a.name))).toBe(key);
    const { validTo } = new X509Certificate(await read(certificateOf(a.name)));
    expect(Date.parse(validTo) - Date.parse(new X509Certificate(former).validTo)).toBeGreaterThan(700 * DAY_MS);
    expect(await initSecrets(store, one)).toEqual([]);
  });

  it("what a node gets is of one revision, and a store that does not stand still is named", async () => {
    const [a] = nodes as [(typeof nodes)[number]];
    const { revision } = await nodeSecrets(store, "lab", a, true);
    await renewCertificate(store, ofNode(a));
    await updateRevision(store);
    expect((await nodeSecrets(store, "lab", a, true)).revision).toBe(revision + 1);
    let reads = 0;
    const restless = proxied(store, {
      read: async (name) => (name === "revision" ? `${reads++} x` : store.read(name)),
    });
    await expect(nodeSecrets(restless, "lab", a, true)).rejects.toThrow(
      /^redis-a: .* is being changed by another command/,
    );
  });
});

/** For many writes: files are flushed to the disk. */
function inMemory(): SecretStore {
  const values = new Map<string, string>();
  return {
    describe: () => "memory",
    list: () => Promise.resolve([...values.keys()].sort()),
    changed: () => Promise.resolve(undefined),
    read: (name) => Promise.resolve(values.get(name)),
    write: (name, value, { ifAbsent = false } = {}) => {
      if (ifAbsent && values.has(name)) return Promise.resolve(false);
      values.set(name, value);
      return Promise.resolve(true);
    },
    remove: (name) => Promise.resolve(void values.delete(name)),
  };
}

const proxied = (store: SecretStore, own: Partial<SecretStore>): SecretStore => ({
  describe: () => store.describe(),
  list: () => store.list(),
  changed: (name) => store.changed(name),
  read: (name) => store.read(name),
  write: (name, value, options) => store.write(name, value, options),
  remove: (name) => store.remove(name),
  ...own,
});

/** A store whose user is killed after so many changes. */
function dying(store: SecretStore, changes: number): SecretStore {
  let left = changes;
  const counted = <T>(change: () => Promise<T>): Promise<T> =>
    left-- > 0 ? change() : Promise.reject(new Error("killed"));
  return proxied(store, {
    write: (name, value, options) => counted(() => store.write(name, value, options)),
    remove: (name) => counted(() => store.remove(name)),
  });
}
