import { describe, expect, it } from "vitest";
import { zoneOf } from "../environments/inputs.ts";
import { inTarget } from "../support/aws-stack.ts";
import { StandInAws } from "../support/standin-aws.ts";
import { type Change, IDS, madeZoneA, withoutNode, zoneA } from "../support/standin-zone.ts";
import { standIn } from "./machine.ts";

describe.skipIf(!standIn)("a zone on AWS, by Terraform", { timeout: 120_000 }, () => {
  const made = () => madeZoneA(standIn ?? {});
  const planned = async (aws: StandInAws, change: Change): Promise<string> => {
    await aws.write(await zoneA(change));
    return aws.plan();
  };
  /** What a plan does to which resources. */
  const actions = (plan: string): string[] =>
    [...plan.matchAll(/# (\S+)\["redis-a"\] (?:will|must) be (\w+(?: in-place)?)/g)]
      .map(([, what, how]) => `${what} ${how}`)
      .sort();

  it("is made, found unchanged, and has what was asked for", async () => {
    const aws = await made();
    expect(await aws.plan()).toContain("No changes.");
    const machine = await aws.only("aws_instance");
    expect(machine).toMatchObject({ private_ip: "10.0.1.10", availability_zone: "eu-central-1a" });
    expect(machine["user_data"]).toContain("/ssh-host-keys/redis-ha/prod/10.0.1.10");
    expect(await aws.only("aws_volume_attachment")).toMatchObject({ instance_id: machine["id"] });
    expect(await aws.only("aws_iam_role")).toMatchObject({ name: "redis-ha-prod-redis-a" });
    const policy = JSON.parse(String((await aws.only("aws_iam_role_policy"))["policy"])) as { Statement: unknown[] };
    expect(policy.Statement).toContainEqual(
      expect.objectContaining({
        Resource: [`arn:aws:kms:eu-central-1:123456789012:key/${IDS.foundation.kms_key_id}`],
      }),
    );
  });

  it("another image replaces the machine, and what belongs to it, and nothing that outlives it", async () => {
    const aws = await made();
    const before = await aws.only("aws_ebs_volume");
    const plan = await planned(aws, (input) => inTarget(input, { imageId: "ami-0fedcba9876543210" }));
    expect(actions(plan)).toEqual([
      "aws_instance.machine replaced",
      "aws_volume_attachment.data replaced",
      "null_resource.configuration replaced",
      "terraform_data.membership replaced",
    ]);
    await aws.apply();
    expect(await aws.only("aws_instance")).toMatchObject({ ami: "ami-0fedcba9876543210", private_ip: "10.0.1.10" });
    expect((await aws.only("aws_ebs_volume"))["id"]).toBe(before["id"]);
  });

  it("another type changes the machine in place, and its node leaves before and comes again", async () => {
    const aws = await made();
    const plan = await planned(aws, (input) => inTarget(input, { instanceType: "m7g.xlarge" }));
    expect(actions(plan)).toEqual([
      "aws_instance.machine updated in-place",
      "null_resource.configuration replaced",
      "terraform_data.membership replaced",
    ]);
  });

  it("a larger volume grows in place, and its node is applied again", async () => {
    const aws = await made();
    const plan = await planned(aws, (input) => inTarget(input, { dataVolumeGb: 40 }));
    expect(actions(plan)).toEqual(["aws_ebs_volume.data updated in-place", "null_resource.configuration replaced"]);
  });

  it("a setting touches no machine", async () => {
    const aws = await made();
    const plan = await planned(aws, (input) => (input.settings.downAfterMs = 3000));
    expect(actions(plan)).toEqual(["null_resource.configuration replaced"]);
  });

  it("other keys of operators touch nothing", async () => {
    const aws = await made();
    const plan = await planned(aws, (input) =>
      inTarget(input, { publicKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBBB other"] }),
    );
    expect(plan).toContain("No changes.");
  });

  it("a machine that is lost for good comes back, with the same address and volume", async () => {
    const aws = await made();
    const [machine, volume] = [await aws.only("aws_instance"), await aws.only("aws_ebs_volume")];
    await aws.lose("aws_instance", machine["id"]);
    expect(actions(await aws.plan())).toEqual([
      "aws_instance.machine created",
      "aws_volume_attachment.data created",
      "null_resource.configuration replaced",
      "terraform_data.membership replaced",
    ]);
    await aws.apply();
    expect(await aws.only("aws_instance")).toMatchObject({ private_ip: "10.0.1.10" });
    expect((await aws.only("aws_ebs_volume"))["id"]).toBe(volume["id"]);
    expect(await aws.plan()).toContain("No changes.");
  });

  it("nothing is destroyed, nor the node taken out, while its volume is not released", async () => {
    const aws = await made();
    const kept = /Instance cannot be destroyed.*aws_ebs_volume\.data\["redis-a"\] has lifecycle\.prevent_destroy set/;
    await expect(aws.destroy()).rejects.toThrow(kept);
    await expect(planned(aws, withoutNode)).rejects.toThrow(kept);
    await aws.write(await zoneA());
    expect(await aws.plan()).toContain("No changes.");
  });

  it("the node is taken out, and all destroyed, once it is released", async () => {
    const aws = await made();
    const release: Change = (input) => (zoneOf(input, "a").releaseDataVolume = true);
    expect(await planned(aws, release)).toContain("No changes.");
    await planned(aws, (input) => {
      withoutNode(input);
      release(input);
    });
    await aws.apply();
    for (const type of ["aws_instance", "aws_ebs_volume", "aws_network_interface"])
      expect(await aws.existing(type), type).toEqual({});
    expect(await aws.destroy()).toContain("Resources: 0 destroyed.");
  });

  it("an image for another architecture stops at the plan", async () => {
    const aws = await StandInAws.create(standIn ?? {}, await zoneA());
    await aws.put("aws_ami", "ami-0123456789abcdef0", { architecture: "x86_64" });
    await expect(aws.plan()).rejects.toThrow(
      "ami-0123456789abcdef0 is an image for x86_64, and m7g.large is arm64; correct target.imageId or target.instanceType",
    );
  });

  it("an image that is not there stops at the plan, and is not missed where nobody needs it", async () => {
    const gone = (aws: StandInAws) => aws.put("aws_ami", "ami-0123456789abcdef0", { state: "deregistered" });
    const missing =
      "ami-0123456789abcdef0, of which a machine is to be made, is no image of this account, Debian, Amazon";
    const nothing = await StandInAws.create(standIn ?? {}, await zoneA());
    await gone(nothing);
    await expect(nothing.plan()).rejects.toThrow(missing);
    const aws = await made();
    await gone(aws);
    expect(await aws.plan()).toContain("No changes.");
    const { id } = await aws.only("aws_instance");
    await aws.lose("aws_instance", String(id));
    await expect(aws.plan()).rejects.toThrow(missing);
  });

  it("an image that another account shares has to be named with it", async () => {
    const aws = await StandInAws.create(standIn ?? {}, await zoneA());
    await aws.put("aws_ami", "ami-0123456789abcdef0", { owner: "210987654321" });
    await expect(aws.plan()).rejects.toThrow(
      "or name the account that shares it in target.imageOwner, in environments/prod.ts",
    );
    expect(await planned(aws, (input) => inTarget(input, { imageOwner: "210987654321" }))).toContain(
      "to add, 0 to change",
    );
  });
});
