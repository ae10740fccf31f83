import { expect, it } from "vitest";
import { globMatches } from "../../topology/glob.ts";
import { describeEachServer } from "../support/each-server.ts";
import { launchRedis, withFolder } from "../support/redis-process.ts";

const texts = ["__sentinel__:hello", "news", "a", "ab", "a-b", "^", "]", "\\", "[a", "-", "*"];
// What the server says is the measure, so that a pattern needs no expectation here.
const patterns = [
  "*",
  "**",
  "?",
  "??",
  "a",
  "a*",
  "*a",
  "*a*b",
  "a?b",
  "\\a",
  "\\*",
  "a\\",
  "\\",
  "\\\\",
  "",
  "_*",
  "[^_]*",
  "?_*",
  "*hell?",
  "[a]",
  "[^a]",
  "[a-z]*",
  "[z-a]*",
  "[A-_]*",
  "[!-~]*",
  "[^!-^]*",
  "__[r-t]entinel__:hello",
  "__sentinel__:hello",
  "__sentinel__:hell",
  "__sentinel__:hello?",
  "__sentinel__:hello*",
  "[",
  "[^",
  "[a",
  "[a-",
  "[^a",
  "[^a-",
  "[]",
  "[]]",
  "[^]",
  "[\\]]",
  "[\\^]",
  "[^\\_]*",
  "[a-]",
  "[-a]",
  "[a\\-b]",
  "[\\",
  "[\\a",
  "[^\\",
  "[a-\\]]",
  "[^^]*",
  "a[-]b",
  "*[",
  "*[^",
  "[[]a",
  "*?*?*?*?*?*?*?*?*?*",
  "*e*e*e*l*x*",
];

describeEachServer(({ server: program }) => {
  it("a pattern matches what it matches on the server", async () => {
    await withFolder(async (folder) => {
      const port = 18_700;
      const { client } = await launchRedis({ folder, port, program, conf: `port ${port}\nsave ""\n` });
      const found: string[] = [];
      for (const pattern of patterns) {
        // Rules of an ACL end at a space and begin with &, so that any of these can be one.
        await client.call("ACL", "SETUSER", "probe", "reset", "on", "+publish", `&${pattern}`);
        for (const text of texts) {
          const answer = await client.call("ACL", "DRYRUN", "probe", "PUBLISH", text, "x");
          if ((answer === "OK") !== globMatches(pattern, text)) found.push(`${pattern} and ${text}: ${String(answer)}`);
        }
      }
      expect(found).toEqual([]);
    });
  });
});
