import { describe, expect, it } from "vitest";
import { onlyTimings } from "../../agent/apply-sentinel.ts";

const file = (...lines: string[]): string => ["port 26379", "bind 127.0.0.1", ...lines, ""].join("\n");
const before = file(
  "sentinel announce-ip 127.0.0.1",
  "sentinel down-after-milliseconds m 2000",
  "sentinel failover-timeout m 10000",
  "sentinel parallel-syncs m 1",
);

describe("two files of a Sentinel differ in timings only", () => {
  it.each([
    ["when nothing differs", before],
    ["down-after", before.replace("m 2000", "m 3000")],
    ["failover-timeout", before.replace("m 10000", "m 12000")],
    ["parallel-syncs", before.replace("syncs m 1", "syncs m 2")],
    ["a comment", `# why\n${before}`],
  ])("%s", (_, after) => {
    expect(onlyTimings("m", before, after)).toBe(true);
  });

  it.each([
    ["the port", before.replace("26379", "26380")],
    ["the announced address", before.replace("announce-ip 127.0.0.1", "announce-ip 127.0.0.2")],
    ["a further key of the server", `${before}loglevel debug\n`],
    ["a further key of Sentinel", `${before}sentinel resolve-hostnames yes\n`],
    ["a key that is gone", before.replace("bind 127.0.0.1\n", "")],
    ["another key of the master", `${before}sentinel auth-user m x\n`],
    ["another master's timings", before.replaceAll(" m ", " other ")],
  ])("not %s", (_, after) => {
    expect(onlyTimings("m", before, after)).toBe(false);
  });
});
