import { describe, expect, it } from "vitest";
import { outcomeOf } from "../../plan/node-outcome.ts";
import type { Change, ResourceChange } from "../../plan/terraform-plan.ts";
import { specsOf } from "../../topology/render.ts";
import { anEnvironment } from "../support/environment.ts";

const [spec] = specsOf(anEnvironment());
if (!spec) throw new Error("there is no node");
const { files, ...told } = spec;
const triggers = { ...files, node: JSON.stringify(told), membership: "1" } as Record<string, string>;

const resource = (
  address: string,
  actions: string[],
  change: Partial<Change> = {},
  reason?: string,
): ResourceChange => {
  const [type = "", name = ""] = address.split(".");
  return {
    ...{ address: `${address}["redis-a"]`, mode: "managed", type, name, index: "redis-a" },
    change: { actions, before: null, after: null, ...change },
    ...(reason === undefined ? {} : { action_reason: reason }),
  };
};
const replace = ["delete", "create"];
const configured = (before: object | undefined, after: object | undefined, reason?: string): ResourceChange =>
  resource(
    "null_resource.configuration",
    replace,
    { before: { triggers: before }, after: { triggers: after } },
    reason,
  );
const outcome = (...changes: ResourceChange[]) =>
  outcomeOf("redis-a", "a", [resource("terraform_data.membership", ["no-op"]), ...changes]);
/** What changes in one trigger does. */
const changed = (file: string, change: (text: string) => string) =>
  outcome(configured(triggers, { ...triggers, [file]: change(triggers[file] ?? "") }));
const changedNode = (change: object) =>
  changed("node", (text) => JSON.stringify({ ...(JSON.parse(text) as object), ...change }));

/** What real plans of the tests beside this one do not show. */
describe("what a plan does to a node", () => {
  it.each([
    ["redis.conf", "save 900 1\n", ["live"], ['redis.conf: save "" -> 900 1']],
    [
      "redis.conf",
      "databases 17\ntimeout 5\n",
      ["live", "restart"],
      ["redis.conf: timeout 0 -> 5", "redis.conf: databases 16 -> 17"],
    ],
    ["redis.conf", "loadmodule /x.so\n", ["live", "restart"], ["redis.conf: loadmodule /x.so, which is new"]],
    ["redis.conf", "maxmemory 100mb\n", ["live"], ["nothing that its servers read"]],
    ["redis.conf", "# a comment\n", ["live"], ["nothing that its servers read"]],
    ["sentinel.conf", "sentinel parallel-syncs redis-ha-demo 2\n", ["live"], ["sentinel.conf: parallel-syncs 1 -> 2"]],
    ["sentinel.conf", "tcp-backlog 100\n", ["live", "sentinel"], ["sentinel.conf: tcp-backlog 4096 -> 100"]],
    ["users.acl", "user x on\n", ["live"], ["users.acl"]],
    ["agent.service", "0123", ["live"], ["agent.service"]],
  ])("%s: %j", (file, added, effects, reasons) => {
    const result = changed(file, (text) => `${text}${added}`);
    expect([...result.reasons].sort()).toEqual([...reasons].sort());
    expect(result.effects).toEqual(effects);
  });

  it("what it is told besides: a quorum, a peer that is gone", () => {
    expect(changedNode({ quorum: 3 })).toMatchObject({ effects: ["live"], reasons: ["quorum 2 -> 3"] });
    const [, ...peers] = told.peers;
    expect(changedNode({ peers })).toMatchObject({
      effects: ["live", "sentinel"],
      reasons: ["peer redis-b dropped"],
    });
    const witness = { ...told.node, sentinelPort: undefined };
    expect(changedNode({ peers, node: witness })).toMatchObject({ effects: ["live"] });
  });

  it("values that are not known before the apply may be anything", () => {
    expect(outcome(configured(triggers, undefined))).toMatchObject({ effects: ["restart"] });
  });

  it("an apply that was asked for again restarts nothing by itself", () => {
    expect(outcome(configured(triggers, triggers, "replace_by_request"))).toMatchObject({ effects: ["live"] });
  });

  it("a long value is left to the plan", () => {
    const long = changed(
      "redis.conf",
      (text) => `${text}proc-title-template ${"x".repeat(100)}\nsave 3600 1 300 100 ${"60 10000 ".repeat(9)}\n`,
    );
    expect(long.reasons).toContain("redis.conf: save changed");
  });

  it("a volume that is attached anew stops the machine", () => {
    const attached = outcome(resource("aws_volume_attachment.data", replace));
    expect(attached).toMatchObject({ effects: ["replace"], machine: "stopped" });
  });

  it("a volume that is replaced is data that is lost, and says for what", () => {
    const change = { before: { id: "vol-1" }, replace_paths: [["availability_zone"]] };
    expect(outcome(resource("aws_ebs_volume.data", ["create", "delete"], change))).toMatchObject({
      effects: ["data"],
      reasons: ["its data volume vol-1 is deleted (availability_zone)"],
    });
  });

  it("what belongs to it besides is named, and is no harm", () => {
    expect(
      outcome(resource("aws_iam_role_policy.host", ["update"]), resource("aws_instance.machine", ["update"])),
    ).toMatchObject({
      effects: ["live"],
      reasons: ["aws_iam_role_policy.host is changed", "aws_instance.machine is changed"],
      machine: null,
    });
  });

  it("one that was installed, and never applied, joins", () => {
    expect(outcome(resource("null_resource.configuration", ["create"]))).toMatchObject({ effects: ["add"] });
  });
});
