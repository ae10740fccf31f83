import { describe, expect, it } from "vitest";
import { passwordHash } from "../../secrets/passwords.ts";
import { sentinelUsersAcl, usersAcl } from "../../topology/acl.ts";
import { type AclServer, aclOnNode, redisUsers, sentinelUsers } from "../../topology/acl-node.ts";
import { hashes, withAccess } from "../support/acl.ts";

const redis: AclServer = { engine: "redis", version: "7.0.15" };
const linesOf = (acl: string): Map<string, string> =>
  new Map(
    acl
      .trimEnd()
      .split("\n")
      .map((line) => [line.split(" ")[1] ?? "", line]),
  );

describe("the rendered users", () => {
  it("are one line each, without the templates' comments, and default is off", () => {
    const [servers, sentinels] = [usersAcl(withAccess({})), sentinelUsersAcl(withAccess({}))];
    expect([...linesOf(servers).keys()]).toEqual(["default", ...redisUsers]);
    expect([...linesOf(sentinels).keys()]).toEqual(["default", ...sentinelUsers]);
    for (const acl of [servers, sentinels]) {
      expect(linesOf(acl).get("default")).toBe("user default off resetpass resetkeys resetchannels -@all");
      for (const line of acl.trimEnd().split("\n")) expect(line).toMatch(/^user [a-z-]+ (on|off)( [^\s#]+)+$/);
    }
  });

  it("have the environment's patterns, each once, and the reader may only read its keys", () => {
    const acl = usersAcl(
      withAccess({
        app: { keys: ["app:*", "shared", "app:*"], channels: ["news.*", "<%=1+1%>", "news.*"] },
        reader: { keys: ["app:*", "*"], channels: [] },
      }),
    );
    expect(linesOf(acl).get("app")).toContain(
      "user app on resetkeys resetchannels ~app:* ~shared &news.* &<%=1+1%> -@all",
    );
    expect(linesOf(acl).get("reader")).toContain("user reader on resetkeys resetchannels %R~* -@all");
  });
});

describe("the file of a node", () => {
  const acl = usersAcl(withAccess({}));

  it("has the hash of every user, and two while a password is being replaced", () => {
    const [old, next] = [passwordHash("old"), passwordHash("new")];
    const lines = linesOf(aclOnNode(acl, redis, { ...hashes, app: [old, next] }));
    expect(lines.get("app")).toMatch(`user app on #${old} #${next} resetkeys`);
    expect(lines.get("admin")).toBe(`user admin on #${hashes["admin"]?.[0]} ~* &* +@all`);
    expect(lines.get("default")).not.toContain("#");
  });

  it.each([
    ["no password", [], "user app has 0 passwords; give one, or two while it is being replaced"],
    [
      "three",
      ["a", "b", "c"].map(passwordHash),
      "user app has 3 passwords; give one, or two while it is being replaced",
    ],
    ["a password", ["hunter2"], "user app: not a SHA-256 in 64 lower-case hex digits; give the hash of the password"],
    [
      "a hash that the server would not take",
      [passwordHash("a").toUpperCase()],
      "user app: not a SHA-256 in 64 lower-case hex digits; give the hash of the password",
    ],
  ])("is refused with %s, without a word of it", (_, app, message) => {
    expect(() => aclOnNode(acl, redis, { ...hashes, app })).toThrow(new Error(message));
  });

  it("is refused when a user is left out", () => {
    expect(() => aclOnNode(acl, redis, Object.fromEntries([]))).toThrow("user app has 0 passwords");
  });

  it.each([
    ["7.2.9", false, false],
    ["8.0.4", false, true],
    ["8.1.1", true, true],
    ["9.0.0", true, true],
    ["10.0.0", true, true],
  ])("names what valkey %s knows, and nothing that keeps it from starting", (version, commandlog, primary) => {
    const valkey = withAccess({}, "valkey");
    const server: AclServer = { engine: "valkey", version };
    expect(aclOnNode(usersAcl(valkey), server, hashes).includes("commandlog")).toBe(commandlog);
    expect(aclOnNode(sentinelUsersAcl(valkey), server, hashes).includes("+sentinel|primary ")).toBe(primary);
    expect(usersAcl(withAccess({}, "redis"))).not.toContain("commandlog");
  });
});
