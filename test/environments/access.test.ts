import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { linesOf, localInput } from "./inputs.ts";

const linesWith = (access: EnvironmentInput["access"]): string[] => linesOf([{ ...localInput(), access }]);
const line = (path: string, message: string): string => `environments/base.ts: access.${path}: ${message}`;

describe("access", () => {
  it("takes patterns of keys and channels, each user's own", () => {
    expect(linesWith({ app: { keys: ["app:*", "größe:*"], channels: ["news.*"] }, reader: { channels: [] } })).toEqual(
      [],
    );
  });

  const hello =
    "use a pattern that does not match __sentinel__:hello, where whoever publishes can take the cluster over, for example [^_]*";
  it.each(["*", "**", "_*", "__sentinel__:hello", "__sentinel__:*", "?_*", "*hello", "[^a]*", "\\__sentinel__:hello"])(
    "refuses the channels %s, which hold that of the Sentinels",
    (channel) => {
      expect(linesWith({ app: { channels: ["news", channel] } })).toEqual([
        line("app.channels[1]", `${JSON.stringify(channel)} cannot be used; ${hello}`),
      ]);
      expect(linesWith({ reader: { channels: [channel] } })).toHaveLength(1);
    },
  );

  it.each(["__keyevent@0__:*", "[^_]*", "__sentinel__:hell", "__sentinel__:hello?", "[a-z]*"])(
    "takes the channels %s, which do not",
    (channel) => {
      expect(linesWith({ app: { channels: [channel] } })).toEqual([]);
    },
  );

  it.each(["", "a b", "a\nuser evil on nopass +@all", "a\tb", "a\u0000b", "a\u00a0b"])(
    "refuses %j, which would be another rule or none, for keys and channels",
    (pattern) => {
      expect(linesWith({ app: { keys: [pattern] } })).toEqual([
        line(
          "app.keys[0]",
          `${JSON.stringify(pattern)} cannot be used; use a pattern without spaces, for example orders:*`,
        ),
      ]);
      expect(linesWith({ reader: { channels: [pattern] } })).toHaveLength(1);
    },
  );

  it("refuses a channel with more than ASCII, and a user without any key", () => {
    expect(linesWith({ app: { channels: ["[g-é]*"] }, reader: { keys: [] } })).toEqual([
      line(
        "app.channels[0]",
        '"[g-é]*" cannot be used; use a pattern of ASCII characters without spaces, for example news.*',
      ),
      line("reader.keys", "empty; give at least one entry"),
    ]);
  });

  it("refuses to ask for certificates without TLS, which is what they are shown over", () => {
    expect(linesWith({ tls: false, clientCertificates: true })).toEqual([
      line("clientCertificates", "without TLS nobody can show a certificate; remove it, or tls: false beside it"),
    ]);
    expect(linesWith({ clientCertificates: true })).toEqual([]);
    expect(linesWith({ tls: false, clientCertificates: false })).toEqual([]);
  });

  it("knows no other users", () => {
    expect(linesWith({ apps: {} } as EnvironmentInput["access"])).toEqual([
      "environments/base.ts: access: unknown field apps, did you mean app? (known here: tls, clientCertificates, app, reader)",
    ]);
  });
});
