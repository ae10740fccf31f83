import { describe, expect, it } from "vitest";
import { causeIn, changesIn, stepIn } from "../../tools/cdktf.ts";

const says = (text: string): string => `local-zone-a  terraform_data.membership["redis-a"] (local-exec): ${text}`;

describe("what cdktf prints", () => {
  it("is summed up over all stacks", () => {
    const output =
      "Apply complete! Resources: 2 added, 1 changed, 0 destroyed.\n" +
      "Apply complete! Resources: 1 added, 0 changed, 3 destroyed.\nDestroy complete! Resources: 2 destroyed.";
    expect(changesIn(output)).toEqual({ added: 3, changed: 1, destroyed: 5 });
    expect(changesIn("No changes.")).toEqual({ added: 0, changed: 0, destroyed: 0 });
  });

  it("is shown as far as a node says it", () => {
    expect(stepIn(says("redis-a: sentinel restarted"))).toBe("redis-a: sentinel restarted");
    expect(stepIn(says('Executing: ["/bin/sh" "-c" "node x"]'))).toBeUndefined();
    expect(stepIn("# redis.conf of redis-a")).toBeUndefined();
  });

  it("is cut down to the node's own words when it failed, once", () => {
    const failure = says("redis-ha host install: redis-a: port 6401 is taken");
    expect(causeIn(`a\n${failure}\nb\n${failure}\n`)).toBe("redis-ha host install: redis-a: port 6401 is taken");
    expect(causeIn("Error: no backend\n\n")).toBe("Error: no backend");
  });
});
