import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import type { Reach } from "../../remote/reach.ts";
import { reachOf } from "../../stacks/reach.ts";
import { awsInput, localInput, sshInput } from "../environments/inputs.ts";

const reach = (input: EnvironmentInput): Reach | undefined =>
  // As Terraform and the operator's command get it.
  JSON.parse(JSON.stringify(reachOf(parseEnvironment(input, { computerMemoryMb: 65_536 })) ?? null)) as
    Reach | undefined;
const onAws = (target: object): Reach | undefined => {
  const input = awsInput();
  Object.assign(input.target, target);
  return reach(input);
};

const direct = {
  user: "admin",
  port: 22,
  knownHostsFile: ".state/prod/known_hosts",
  hostKeys: { region: "eu-central-1", path: "/ssh-host-keys/redis-ha/prod" },
};
const bySessionManager = "sh remote/session-manager.sh eu-central-1 redis-ha prod %h %p";
const bastion = { cidrs: ["203.0.113.0/24"] };

describe("how hosts are reached", () => {
  it("not at all on this computer, and on the target ssh as described", () => {
    expect(reach(localInput())).toBeNull();
    expect(reach(sshInput())).toEqual({ user: "admin", port: 22, knownHostsFile: "known_hosts" });
  });

  it("on AWS directly, by the keys that machines say they have", () => {
    expect(onAws({})).toEqual(direct);
  });

  it("through the bastion, whose address is known only later", () => {
    expect(onAws({ bastion })).toEqual({
      ...direct,
      bastion: {
        name: "bastion",
        addressPath: "/ssh-host-keys/redis-ha/prod/bastion-address",
        addressFile: ".state/prod/bastion",
      },
    });
  });

  it("by Session Manager, where that is on and nothing else is said", () => {
    expect(onAws({ sessionManager: true })).toEqual({ ...direct, proxyCommand: bySessionManager });
    expect(onAws({ sessionManager: true, bastion })).not.toHaveProperty("proxyCommand");
    for (const other of [{ proxyJump: "none" }, { proxyCommand: "way %h %p" }])
      expect(onAws({ sessionManager: true, ...other })).toEqual({ ...direct, ...other });
  });
});
