import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { namesOf, tlsProblems } from "../../secrets/certificates.ts";
import { authorityFile } from "../../secrets/authorities.ts";
import { importSecrets } from "../../secrets/import.ts";
import { initSecrets, readRevision } from "../../secrets/init.ts";
import { certificateOf, keyOf } from "../../secrets/issued.ts";
import { openSsmStore } from "../../secrets/ssm-store.ts";
import type { SecretStore } from "../../secrets/store.ts";
import { type Moto, startMoto, whyNoMoto } from "../support/moto.ts";
import { node } from "./nodes.ts";
import { opensslCertificate } from "./openssl.ts";

const VALUE = "value-that-nobody-may-see";
const none = await whyNoMoto();
if (none !== undefined) console.warn(`\nNOT TESTED: secrets in Parameter Store: ${none}\n`);

describe.skipIf(none !== undefined)("secrets in Parameter Store", () => {
  let moto: Moto;
  let store: SecretStore;
  // The first time, moto is installed.
  beforeAll(async () => (moto = await startMoto()), 300_000);
  afterAll(() => moto?.stop());

  const place = { kind: "ssm", region: "eu-central-1", path: "/redis-ha/prod" } as const;
  const as = (id: string, secret: string): void => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", id);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", secret);
  };
  beforeEach(async () => {
    await moto.reset();
    // What this computer's user has for AWS must not count here.
    for (const name of ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_SSM"]) vi.stubEnv(name, undefined);
    for (const name of ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]) vi.stubEnv(name, "/dev/null");
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
    vi.stubEnv("AWS_ENDPOINT_URL", moto.url);
    as("test", "test");
    store = await openSsmStore(place);
  });
  afterEach(() => void vi.unstubAllEnvs());
  const errorOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => "no error",
      (error: Error) => error.message,
    );
  /** A request of our own, past the store. */
  const ssm = async (action: string, body: object): Promise<Record<string, never>> => {
    const response = await fetch(moto.url, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `AmazonSSM.${action}`,
        authorization:
          "AWS4-HMAC-SHA256 Credential=test/20300101/eu-central-1/ssm/aws4_request, SignedHeaders=host, Signature=0",
      },
      body: JSON.stringify(body),
    });
    return (await response.json()) as Record<string, never>;
  };

  it("are encrypted parameters below the environment's path, and are replaced, kept, listed and removed", async () => {
    expect(await store.list()).toEqual([]);
    expect(await store.read("users/app")).toBeUndefined();
    expect(await store.changed("users/app")).toBeUndefined();
    expect(await store.write("users/app", "first")).toBe(true);
    expect(await store.write("users/app", VALUE)).toBe(true);
    expect(await store.write("users/app", "third", { ifAbsent: true })).toBe(false);
    expect(await store.write("revision", "1", { ifAbsent: true })).toBe(true);
    expect(await store.read("users/app")).toBe(VALUE);
    expect(Math.abs(Date.now() - ((await store.changed("users/app"))?.getTime() ?? 0))).toBeLessThan(60_000);
    expect(await store.list()).toEqual(["revision", "users/app"]);
    expect(await ssm("GetParameter", { Name: "/redis-ha/prod/users/app" })).toMatchObject({
      Parameter: { Type: "SecureString", Value: `kms:alias/aws/ssm:${VALUE}` },
    });
    await store.remove("users/app");
    await store.remove("users/app");
    expect(await store.list()).toEqual(["revision"]);
  });

  it("are encrypted with the key of the description", async () => {
    const own = await openSsmStore({ ...place, kmsKeyId: "alias/redis" });
    await own.write("users/app", VALUE);
    expect(await ssm("GetParameter", { Name: "/redis-ha/prod/users/app" })).toMatchObject({
      Parameter: { Value: `kms:alias/redis:${VALUE}` },
    });
  });

  it("are those of one environment and one region", async () => {
    await store.write("users/app", VALUE);
    for (const other of [
      { ...place, path: "/redis-ha/pro" },
      { ...place, path: "/redis-ha/prod-2" },
      { ...place, region: "eu-west-1" },
    ]) {
      const others = await openSsmStore(other);
      expect([await others.list(), await others.read("users/app")]).toEqual([[], undefined]);
    }
  });

  it("are made by init as in files, more than one page of them, and only once", async () => {
    const nodes = ["a", "b", "c"].map((letter, index) => node(letter, `10.0.${index}.4`));
    const made = await initSecrets(store, { masterName: "redis-ha-prod", nodes });
    expect(made).toHaveLength(16);
    expect(await store.list()).toEqual([...made, "revision"].sort());
    const read = async (name: string): Promise<string> => (await store.read(name)) ?? "";
    for (const each of nodes) {
      const [authority = "", certificate = "", key = ""] = await Promise.all(
        [authorityFile, certificateOf(each.name), keyOf(each.name)].map(read),
      );
      expect(tlsProblems({ authority, certificate, key }, namesOf(each))).toEqual([]);
    }
    expect(await initSecrets(store, { masterName: "redis-ha-prod", nodes })).toEqual([]);
    expect(await readRevision(store)).toBe(1);
  });

  it("take an authority and certificates that are brought, as files do", async () => {
    const made = await opensslCertificate("root", ["basicConstraints=critical,CA:TRUE"], undefined, ["rsa:2048"]);
    const nodes = [node("a")];
    const authority = { certificates: made.certificate, key: made.key };
    const running = (): Promise<undefined> => Promise.resolve(undefined);
    expect((await importSecrets(store, nodes, { authority }, running)).stored).toEqual(["tls/ca.key", authorityFile]);
    expect(await initSecrets(store, { masterName: "redis-ha-prod", nodes })).not.toContain(authorityFile);
    expect(await store.read(authorityFile)).toBe(made.certificate);
    expect((await importSecrets(store, nodes, { authority }, running)).stored).toEqual([]);
  });

  it("agree when two make them at the same time", async () => {
    const both = [store, await openSsmStore(place)].map((each) =>
      initSecrets(each, { masterName: "redis-ha-prod", nodes: [node("a")] }),
    );
    const made = (await Promise.all(both)).flat().sort();
    expect([...made, "revision"].sort()).toEqual(await store.list());
  });

  it("are refused when they are not encrypted", async () => {
    await ssm("PutParameter", { Name: "/redis-ha/prod/users/app", Value: VALUE, Type: "String" });
    const error = await errorOf(store.read("users/app"));
    expect(error).toContain("/redis-ha/prod/users/app is a String, which everybody who may list parameters can read");
    expect(error).not.toContain(VALUE);
  });

  it("are refused when they are too large, before anything is sent", async () => {
    expect(await errorOf(store.write("users/app", VALUE.repeat(200)))).toBe(
      "/redis-ha/prod/users/app: the value has 5000 bytes, and Parameter Store takes 1 to 4096",
    );
    expect(await errorOf(store.write("users/app", ""))).toContain("has 0 bytes");
    expect(await errorOf(store.write("../app", VALUE))).toContain("cannot be the name of a secret");
  });

  it("need credentials, and say which", async () => {
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, undefined);
    const nobody = await openSsmStore(place);
    expect(await errorOf(nobody.read("users/app"))).toBe(
      "/redis-ha/prod/users/app: no AWS credentials were found; set AWS_PROFILE, or log in: aws sso login",
    );
    expect(await errorOf(nobody.list())).toContain("no AWS credentials were found");
  });

  it("say which region has no host of AWS", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL", "http://ssm.eu-nowhere-1.invalid");
    const lost = await openSsmStore({ ...place, region: "eu-nowhere-1" });
    expect(await errorOf(lost.read("users/app"))).toContain(
      "no host of AWS was found for the region eu-nowhere-1; check secrets.region (target.region) of the environment",
    );
  });

  describe("through a service that refuses", () => {
    let proxy: http.Server;
    /** What is answered instead of moto's answers, as long as there is something. */
    let refusals: { type: string; message: string }[];
    beforeEach(async () => {
      refusals = [];
      proxy = http.createServer((request, response) => {
        const refusal = refusals.shift();
        if (refusal) {
          const body = JSON.stringify({ __type: refusal.type, message: refusal.message });
          response.writeHead(400, { "content-type": "application/x-amz-json-1.1" }).end(body);
          request.resume();
          return;
        }
        const { method, headers } = request;
        request.pipe(
          http.request(moto.url, { method, headers }, (answer) => {
            response.writeHead(answer.statusCode ?? 500, answer.headers);
            answer.pipe(response);
          }),
        );
      });
      proxy.listen(0, "127.0.0.1");
      await new Promise((resolve) => proxy.once("listening", resolve));
      vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
      store = await openSsmStore(place);
    });
    afterEach(async () => {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    });
    const refuse = (times: number, type: string, message = "no"): void => {
      refusals = Array.from({ length: times }, () => ({ type, message }));
    };

    it("for too many requests, they are written all the same", async () => {
      refuse(3, "ThrottlingException", "Rate exceeded");
      expect(await store.write("users/app", VALUE)).toBe(true);
      expect(refusals).toEqual([]);
      expect(await store.read("users/app")).toBe(VALUE);
    });

    it("for want of a permission, it is named", async () => {
      for (const [use, action] of [
        [() => store.read("users/app"), "GetParameter"],
        [() => store.list(), "GetParametersByPath"],
        [() => store.write("users/app", VALUE), "PutParameter"],
        [() => store.remove("users/app"), "DeleteParameter"],
      ] as const) {
        refuse(1, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/me is not authorized");
        expect(await errorOf(use())).toMatch(
          new RegExp(`^/redis-ha/prod.*: these AWS credentials may not do this; allow ssm:${action} on this parameter`),
        );
      }
    });

    it.each([
      ["ValidationException", "PutParameter failed in eu-central-1 (ValidationException)"],
      ["InvalidKeyId", "the KMS key alias/aws/ssm cannot be used in eu-central-1; change secrets.kmsKeyId"],
      ["ExpiredTokenException", "the AWS credentials have expired"],
      [
        "UnrecognizedClientException",
        "AWS in eu-central-1 does not take these credentials (UnrecognizedClientException)",
      ],
    ])("with %s, it is said in our own words: the service's may repeat the value", async (type, words) => {
      refuse(1, type, `1 validation error detected: Value '${VALUE}' at 'value' failed`);
      const error = await store.write("users/app", VALUE).then(
        () => undefined,
        (failed: Error) => failed,
      );
      expect(error?.message).toContain(words);
      expect(`${error?.message} ${error?.stack} ${JSON.stringify(error)} ${String(error?.cause)}`).not.toContain(VALUE);
    });
  });
});
