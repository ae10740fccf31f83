import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { addEnvironment } from "../../stacks/environment-stacks.ts";
import { zoneOf } from "../environments/inputs.ts";
import { type AwsStack, awsStack, inTarget, one } from "../support/aws-stack.ts";
import { withoutNode } from "../support/standin-zone.ts";

const zoneA = (change?: (input: EnvironmentInput) => void): Promise<AwsStack> =>
  awsStack((app, environment) => addEnvironment(app, environment, import.meta.filename), change, "prod-zone-a");

describe("the machines of a zone on AWS", () => {
  it("speak to the metadata service by session only, have no public address, and an encrypted disk", async () => {
    const machine = one(await zoneA(), "aws_instance");
    expect(machine).toMatchObject({
      for_each: "${local.nodes}",
      ami: "ami-0123456789abcdef0",
      instance_type: "m7g.large",
      metadata_options: { http_endpoint: "enabled", http_tokens: "required", http_put_response_hop_limit: 1 },
      root_block_device: { encrypted: true },
      primary_network_interface: { network_interface_id: expect.stringContaining("[each.key].id") as unknown },
    });
    expect(machine).not.toHaveProperty("associate_public_ip_address");
    expect(machine).not.toHaveProperty("subnet_id");
    expect(machine).not.toHaveProperty("lifecycle.create_before_destroy");
  });

  it("are smaller for witnesses, where the environment says so", async () => {
    const stack = await zoneA((input) => inTarget(input, { witnessInstanceType: "t4g.small" }));
    expect(one(stack, "aws_instance")["instance_type"]).toBe(
      '${each.value.node.kind == "data" ? "m7g.large" : "t4g.small"}',
    );
  });

  it("are protected from being terminated by anybody but Terraform, unless the environment says otherwise", async () => {
    expect(one(await zoneA(), "aws_instance")).toMatchObject({ disable_api_termination: true, force_destroy: true });
    const open = await zoneA((input) => inTarget(input, { terminationProtection: false }));
    expect(one(open, "aws_instance")).toMatchObject({ disable_api_termination: false });
  });

  it("have address, name and data in resources that outlive them", async () => {
    const stack = await zoneA();
    expect(one(stack, "aws_network_interface")).toMatchObject({
      private_ips: ["${each.value.node.address}"],
      subnet_id: "${local.network.subnet_id_a}",
      security_groups: ["${local.foundation.security_group_id}"],
    });
    expect(one(stack, "aws_route53_record")).toMatchObject({
      name: "${each.key}.prod.redis-ha.internal",
      type: "A",
      records: ["${each.value.node.address}"],
    });
    expect(one(stack, "aws_ebs_volume")).toMatchObject({
      availability_zone: "eu-central-1a",
      encrypted: true,
      final_snapshot: true,
      type: "gp3",
      size: 20,
      lifecycle: { prevent_destroy: true },
    });
    for (const type of ["aws_network_interface", "aws_ebs_volume", "aws_route53_record"])
      expect(JSON.stringify(one(stack, type)), type).not.toContain("aws_instance");
  });

  it("have a data volume each, a witness too, and the block for it also when the zone is empty", async () => {
    const stack = await zoneA();
    for (const type of ["aws_ebs_volume", "aws_volume_attachment"])
      expect(one(stack, type)["for_each"], type).toBe("${local.nodes}");
  });

  it("may lose a data volume once the zone releases it", async () => {
    const stack = await zoneA((input) => (zoneOf(input, "a").releaseDataVolume = true));
    expect(one(stack, "aws_ebs_volume")).toMatchObject({ lifecycle: { prevent_destroy: false }, final_snapshot: true });
  });

  it("belong to the cluster after their volume is attached, anew when they are others, or get another type", async () => {
    const stack = await zoneA();
    const membership = stack.resource["terraform_data"]?.["membership"] as {
      triggers_replace: Record<string, string>;
      provisioner: { "local-exec": { environment: Record<string, string> } }[];
    };
    expect(membership.triggers_replace["machine"]).toMatch(/^\$\{aws_instance\.machine\[each\.key\]\.id\}$/);
    expect(membership.provisioner[0]?.["local-exec"].environment["REDIS_HA_VOLUME"]).toMatch(
      /aws_volume_attachment\.data\[each\.key\]\.volume_id/,
    );
    expect(membership.triggers_replace["machine_type"]).toBe("${aws_instance.machine[each.key].instance_type}");
    expect(membership.triggers_replace["volume"]).toBe("${aws_volume_attachment.data[each.key].volume_id}");
    const configuration = one(stack, "null_resource");
    expect(configuration["triggers"]).toContain("volume_gb = aws_ebs_volume.data[each.key].size");
    expect(JSON.stringify(configuration["provisioner"])).toContain("REDIS_HA_VOLUME");
  });

  it("have a volume for data from after it is noted until before the note is taken back", async () => {
    const stack = await zoneA();
    expect(one(stack, "aws_ebs_volume")["depends_on"]).toEqual(["terraform_data.data_mark"]);
    expect(stack.resource["terraform_data"]?.["data_mark"]).toMatchObject({
      for_each: "${local.nodes}",
      // Nothing that could change while it stays.
      input: { environment: "${each.value.environment}", node: "${each.key}" },
      provisioner: [
        { "local-exec": { command: expect.stringMatching(/ host expect-data$/) as string } },
        { "local-exec": { command: expect.stringMatching(/ host forget-data$/) as string, when: "destroy" } },
      ],
    });
  });

  it("are refused with an image for another architecture, by the plan", async () => {
    const checked = (await zoneA()).data?.["aws_ami_ids"]?.["other_image"];
    expect(checked).toMatchObject({
      filter: [
        { name: "image-id", values: ["ami-0123456789abcdef0"] },
        { name: "architecture", values: ["x86_64"] },
      ],
      lifecycle: { postcondition: [{ condition: "${length(self.ids) == 0}" }] },
    });
    const unknown = await zoneA((input) => inTarget(input, { instanceType: "x9z.large", hostMemoryMb: 8192 }));
    expect(unknown.data?.["aws_ami_ids"]).not.toHaveProperty("other_image");
  });

  it("are refused with an image that is not there, unless all have it; one of another account is named", async () => {
    const { aws_ami_ids: images, aws_instances: machines } = (await zoneA()).data ?? {};
    expect(images?.["image"]).toMatchObject({
      owners: ["self", "136693071363", "amazon", "aws-marketplace"],
      lifecycle: {
        postcondition: [{ condition: "${length(self.ids) > 0 || length(data.aws_instances.of_image.ids) >= 1}" }],
      },
    });
    expect(machines?.["of_image"]).toMatchObject({
      filter: [
        { name: "image-id", values: ["ami-0123456789abcdef0"] },
        { name: "tag:Name", values: ["redis-ha-prod-redis-a"] },
      ],
    });
    const shared = await zoneA((input) => inTarget(input, { imageOwner: "210987654321" }));
    expect(shared.data?.["aws_ami_ids"]?.["image"]?.["owners"]).toContain("210987654321");
    const empty = await zoneA(withoutNode);
    expect(empty.data ?? {}).not.toHaveProperty("aws_ami_ids");
  });

  it("keep a first boot that was: another key or script changes nothing", async () => {
    const { lifecycle, user_data: script } = one(await zoneA(), "aws_instance") as Record<string, never>;
    expect(lifecycle).toEqual({ ignore_changes: ["user_data"] });
    expect(script).toContain("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q");
    expect(script).toContain("/ssh-host-keys/redis-ha/prod/${each.value.node.address}");
    expect(String(script).match(/(?<!\$)\$\{(?!each\.)/g)).toBeNull();
  });
});

describe("the rights of a machine on AWS", () => {
  const statements = async (change?: (input: EnvironmentInput) => void): Promise<string> =>
    String(one(await zoneA(change), "aws_iam_role_policy")["policy"]);

  it("are its own node's", async () => {
    const stack = await zoneA();
    expect(one(stack, "aws_iam_role")).toMatchObject({ for_each: "${local.nodes}", name: "redis-ha-prod-${each.key}" });
    const policy = await statements();
    expect(policy).toContain(
      "arn:aws:ssm:eu-central-1:123456789012:parameter/ssh-host-keys/redis-ha/prod/${each.value.node.address}",
    );
    expect(policy).toContain("arn:aws:s3:::redis-ha-prod-backups-123456789012/${each.key}/*");
    expect(policy).toContain('"kms:ViaService":"s3.eu-central-1.amazonaws.com"');
    expect(policy).not.toMatch(/:\*"|GetParameter|"\*"/);
  });

  it("are those of Session Manager only where it is used", async () => {
    expect(await statements()).not.toContain("ssmmessages");
    expect(await statements((input) => inTarget(input, { sessionManager: true }))).toContain(
      "ssmmessages:OpenDataChannel",
    );
  });
});
