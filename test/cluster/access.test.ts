import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readStream } from "../../agent/crash/replication-stream.ts";
import { waitFor } from "../../agent/processes.ts";
import { type Access, tlsAccess, useAccess } from "../../cluster/access.ts";
import { redisStateOf } from "../../cluster/answers.ts";
import { KeptConnection, parseInfo, withConnection } from "../../cluster/connection.ts";
import { passwordHash } from "../../secrets/passwords.ts";
import { type Made, opensslCertificate } from "../secrets/openssl.ts";

const PLAIN = { address: "127.0.0.1", port: 16160 };
const TLS = { address: "127.0.0.1", port: 16161 };
const PASSWORD = "a b'c\"d";

/** A server with users, one port in plain text and one with TLS that asks for a certificate. */
describe.sequential("a server that lets nobody in without a name", () => {
  let folder = "";
  let server: ChildProcess;
  const pem = (name: string): string => fs.readFileSync(path.join(folder, name), "utf8");
  const keep = (name: string, { certificate, key }: Made): void => {
    fs.writeFileSync(path.join(folder, `${name}.crt`), certificate);
    fs.writeFileSync(path.join(folder, `${name}.key`), key);
  };
  const us: Access = { username: "admin", password: PASSWORD };
  const withTls = (): Access => ({
    ...us,
    tls: tlsAccess({ ca: pem("ca.crt"), cert: pem("us.crt"), key: pem("us.key") }),
  });
  const ping = (endpoint: typeof PLAIN): Promise<string> => withConnection(endpoint, (redis) => redis.ping(), 2000);

  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "rha-access-"));
    const [authority, node] = [["basicConstraints=critical,CA:TRUE"], ["subjectAltName=IP:127.0.0.1"]];
    const ca = await opensslCertificate("ca", authority);
    keep("ca", ca);
    keep("stranger", await opensslCertificate("stranger", authority));
    for (const name of ["server", "us"]) keep(name, await opensslCertificate(name, node, ca));
    fs.writeFileSync(
      path.join(folder, "redis.conf"),
      [
        `bind 127.0.0.1`,
        `port ${PLAIN.port}`,
        `tls-port ${TLS.port}`,
        `tls-cert-file ${folder}/server.crt`,
        `tls-key-file ${folder}/server.key`,
        `tls-ca-cert-file ${folder}/ca.crt`,
        `save ""`,
        `repl-backlog-size 1mb`,
        `user default off`,
        `user admin on #${passwordHash(PASSWORD)} ~* &* +@all`,
      ].join("\n"),
    );
    server = spawn("redis-server", [path.join(folder, "redis.conf"), "--dir", folder], { stdio: "ignore" });
    useAccess([PLAIN], us);
    await waitFor("the server answers", () => ping(PLAIN).catch(() => undefined), 10_000);
  });
  afterAll(async () => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGKILL");
    await ended;
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it("lets in who says the name and the password", async () => {
    useAccess([PLAIN], us);
    expect(await ping(PLAIN)).toBe("PONG");
  });

  it.each<[string, Access]>([
    ["nobody", {}],
    ["a wrong password", { ...us, password: "other" }],
    ["a wrong name", { ...us, username: "default" }],
  ])("says of %s that it was not let in", async (_, access) => {
    useAccess([PLAIN], access);
    await expect(ping(PLAIN)).rejects.toThrow("127.0.0.1:16160: it does not let us in");
  });

  it("a kept connection is there once it was let in, and never before", async () => {
    for (const [access, there] of [
      [us, true],
      [{ ...us, password: "other" }, false],
    ] as const) {
      useAccess([PLAIN], access);
      const kept = new KeptConnection(PLAIN, 1000);
      try {
        await kept.attempted();
        expect(kept.connected).toBe(there);
        if (there) expect(await kept.ask((redis) => redis.ping())).toBe("PONG");
        else await expect(kept.ask((redis) => redis.ping())).rejects.toThrow("it does not let us in");
      } finally {
        kept.close();
      }
    }
  });

  it("is believed over TLS when its certificate is of our authority", async () => {
    useAccess([TLS], withTls());
    expect(await ping(TLS)).toBe("PONG");
  });

  it.each<[string, () => Access, RegExp]>([
    [
      "its certificate is of another authority",
      () => ({ ...us, tls: tlsAccess({ ca: pem("stranger.crt") }) }),
      /certificate/i,
    ],
    [
      "we show no certificate",
      () => ({ ...us, tls: tlsAccess({ ca: pem("ca.crt") }) }),
      /certificate|closed|ECONNRESET|required/i,
    ],
    ["we speak plain text", () => us, /./],
  ])("is not spoken to over TLS when %s", async (_, access, why) => {
    useAccess([TLS], access());
    await expect(ping(TLS)).rejects.toThrow(why);
  });

  it.each([
    ["in plain text", PLAIN, () => us],
    ["over TLS", TLS, withTls],
  ])("gives the end of its replication stream %s", async (_, endpoint, access) => {
    useAccess([endpoint], access());
    await withConnection(endpoint, async (redis) => {
      // Without one, the server keeps nothing of its stream.
      const { port } = endpoint;
      const state = async (): Promise<ReturnType<typeof redisStateOf>> => redisStateOf(parseInfo(await redis.info()));
      const before = await beginStream(endpoint, access()).then(state);
      await redis.set("key", "value of the key");
      const after = await state();
      expect(after.offset, `port ${port}`).toBeGreaterThan(before.offset);
      const length = after.offset - before.offset;
      const stream = await readStream(endpoint, after.replicationId, before.offset, length, 2000);
      expect(stream.toString()).toContain("value of the key");
    });
  });

  /** The first replica makes the server keep its stream. */
  async function beginStream(endpoint: typeof PLAIN, access: Access): Promise<void> {
    useAccess([endpoint], access);
    await withConnection(endpoint, async (redis) => {
      const keeps = async (): Promise<true | undefined> =>
        parseInfo(await redis.info())["repl_backlog_active"] === "1" || undefined;
      if (await keeps()) return;
      // Refused, as it has nothing to continue: a full copy begins, which is enough.
      await readStream(endpoint, "0".repeat(40), 0, 1, 500).catch(() => undefined);
      await waitFor("the server keeps its stream", keeps, 2000);
    });
  }
});
