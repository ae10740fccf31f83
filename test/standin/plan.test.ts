import { describe, expect, it } from "vitest";
import type { Environment } from "../../environments/environment.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import { environmentOutcome } from "../../plan/environment-outcome.ts";
import type { NodeOutcome } from "../../plan/node-outcome.ts";
import { sharedOutcome, type SharedOutcome } from "../../plan/shared-outcome.ts";
import { parsePlan } from "../../plan/terraform-plan.ts";
import { NetworkStack } from "../../stacks/network-stack.ts";
import { specsOf } from "../../topology/render.ts";
import { awsInput, nodeOf, zoneOf } from "../environments/inputs.ts";
import { awsStack, inTarget } from "../support/aws-stack.ts";
import { StandInAws } from "../support/standin-aws.ts";
import { type Change, madeZoneA, withoutNode, zoneA } from "../support/standin-zone.ts";
import { standIn } from "./machine.ts";

const described = (change: Change): Environment => {
  const input = awsInput();
  change(input);
  return parseEnvironment(input);
};

describe.skipIf(!standIn)("what a plan does to a node on AWS", { timeout: 120_000 }, () => {
  const made = () => madeZoneA(standIn ?? {});

  /** What an apply of the zone would do, changed like this. */
  async function outcome(aws: StandInAws, change: Change = () => undefined): Promise<readonly NodeOutcome[]> {
    const document = await zoneA(change);
    await aws.write(document);
    await aws.run(["plan", "-out=it.tfplan"]);
    const plan = parsePlan(await aws.run(["show", "-json", "it.tfplan"]), "it");
    const specs = specsOf(described(change)).filter(({ node }) => node.zone === "a");
    const stack = { stack: "prod-zone-a", plan, source: "it", synthesized: { document, specs } };
    return environmentOutcome("prod", [stack]).nodes;
  }

  it("nothing, and a setting changes live: of a null_resource, too", async () => {
    const aws = await made();
    expect(await outcome(aws)).toMatchObject([{ name: "redis-a", effects: [], reasons: [] }]);
    expect(await outcome(aws, (input) => (input.settings.maxMemoryMb = 1024))).toMatchObject([
      { effects: ["live"], reasons: ["redis.conf: maxmemory 2147483648 -> 1073741824"] },
    ]);
  });

  it("another image: it leaves, and joins again on another machine", async () => {
    const aws = await made();
    expect(await outcome(aws, (input) => inTarget(input, { imageId: "ami-0fedcba9876543210" }))).toMatchObject([
      { effects: ["replace"], reasons: ["another machine (ami)"], machine: "replaced", settings: [] },
    ]);
  });

  it("another type: it leaves, its machine is stopped, and it joins again", async () => {
    const aws = await made();
    expect(await outcome(aws, (input) => inTarget(input, { instanceType: "m7g.xlarge" }))).toMatchObject([
      {
        effects: ["replace"],
        reasons: ["its machine is stopped: instance_type m7g.large -> m7g.xlarge"],
        machine: "stopped",
      },
    ]);
  });

  it("another address: with another machine, and its data stays", async () => {
    const aws = await made();
    const [node] = await outcome(aws, (input) => (nodeOf(input, "a").address = "10.0.1.11"));
    expect(node).toMatchObject({ effects: ["replace"], machine: "replaced" });
    expect(node?.reasons).toContain("address 10.0.1.10 -> 10.0.1.11");
  });

  it("a larger volume: live", async () => {
    const aws = await made();
    expect(await outcome(aws, (input) => inTarget(input, { dataVolumeGb: 40 }))).toMatchObject([
      { effects: ["live"], reasons: ["volume_gb 20 -> 40", "aws_ebs_volume.data is changed"], machine: null },
    ]);
  });

  it("a machine that is gone is made again", async () => {
    const aws = await made();
    await aws.lose("aws_instance", (await aws.only("aws_instance"))["id"]);
    expect(await outcome(aws)).toMatchObject([
      { effects: ["replace"], reasons: ["its machine is gone; another one is made"], machine: "replaced" },
    ]);
  });

  it("a volume that is gone is data that is gone", async () => {
    const aws = await made();
    await aws.lose("aws_ebs_volume", (await aws.only("aws_ebs_volume"))["id"]);
    const [node] = await outcome(aws);
    expect(node?.effects).toContain("data");
    expect(node?.reasons[0]).toBe("its data volume is gone; an empty one is made");
  });

  it("a node that is taken out leaves for good, with its data", async () => {
    const aws = await made();
    const id = String((await aws.only("aws_ebs_volume"))["id"]);
    const taken = await outcome(aws, (input) => {
      withoutNode(input);
      zoneOf(input, "a").releaseDataVolume = true;
    });
    expect(taken).toMatchObject([
      {
        name: "redis-a",
        effects: ["retire", "data"],
        reasons: [`its data volume ${id} is deleted, after a last snapshot of it`],
      },
    ]);
  });

  it("a node that becomes a witness keeps its volume", async () => {
    const aws = await made();
    const [node] = await outcome(aws, (input) => (nodeOf(input, "a").runs = ["sentinel"]));
    expect(node).toMatchObject({ effects: ["replace"] });
    expect(node?.reasons).toContain("kind data -> witness");
  });
});

describe.skipIf(!standIn)("what a plan does to what zones have in common", { timeout: 120_000 }, () => {
  /** The network, with its state beside it. */
  const network = async (change?: Change): Promise<object> => {
    const { terraform, ...rest } = await awsStack((app, environment) => new NetworkStack(app, environment), change);
    return { ...rest, terraform: { ...terraform, backend: undefined } };
  };
  async function outcome(aws: StandInAws): Promise<SharedOutcome> {
    await aws.run(["plan", "-out=it.tfplan"]);
    return sharedOutcome("prod-network", parsePlan(await aws.run(["show", "-json", "it.tfplan"]), "it"));
  }
  const moveZoneA: Change = (input) => {
    zoneOf(input, "a").subnetCidr = "10.0.9.0/24";
    nodeOf(input, "a").address = "10.0.9.10";
  };
  const nothing = { effects: [], created: 0, changed: 0, replaced: [], deleted: [], outputs: [] };

  it("is counted, and named where it is replaced or deleted, with the outputs that zones take", async () => {
    const aws = await StandInAws.create(standIn ?? {}, await network());
    const first = await outcome(aws);
    expect(first).toMatchObject({ ...nothing, effects: ["shared"], created: expect.any(Number) as number });
    expect(first.created).toBeGreaterThan(10);
    await aws.apply();
    expect(await outcome(aws)).toEqual({ stack: "prod-network", ...nothing });

    await aws.write(await network(moveZoneA));
    const moved = await outcome(aws);
    expect(moved).toMatchObject({ effects: ["shared-delete", "shared-outputs"], outputs: ["subnet_id_a"] });
    expect(moved.replaced).toContainEqual(expect.stringMatching(/^aws_subnet\.private-a/));

    await aws.write(await network((input) => (input.project = "another")));
    expect((await outcome(aws)).changed).toBeGreaterThan(0);
  });
});
