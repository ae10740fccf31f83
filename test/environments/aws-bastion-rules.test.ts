import { describe } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { check } from "./check.ts";
import { awsInput, zoneOf } from "./inputs.ts";

describe("a bastion on AWS", () => {
  const set = (input: EnvironmentInput, fields: object, bastion: object = {}): void =>
    void Object.assign(input.target, fields, { bastion: { cidrs: ["203.0.113.0/24"], ...bastion } });
  const withoutPublic = (input: EnvironmentInput, ...zones: string[]): void => {
    for (const zone of zones) delete zoneOf(input, zone).publicSubnetCidr;
  };

  check(awsInput, [
    { rule: "who may log in, and nothing else, is enough", change: (input) => set(input, {}), lines: [] },
    {
      rule: "nobody who may log in",
      change: (input) => set(input, {}, { cidrs: [] }),
      lines: ["target.bastion.cidrs: empty; give at least one entry"],
    },
    {
      rule: "everybody, and a range that does not start at its first address",
      change: (input) => set(input, {}, { cidrs: ["0.0.0.0/0", "203.0.113.7/24"] }),
      lines: [
        "target.bastion.cidrs[0]: 0.0.0.0/0 lets half of the internet in; name the networks that need it",
        "target.bastion.cidrs[1]: 203.0.113.7/24 does not start at the range's first address; use 203.0.113.0/24",
      ],
    },
    {
      rule: "without a way out for the machines, only the first zone has a public subnet",
      change: (input) => {
        set(input, { egress: "none" });
        withoutPublic(input, "c");
      },
      lines: ["zones.b.publicSubnetCidr: nothing needs a public subnet here; remove it"],
    },
    {
      rule: "the first zone's public subnet is missing",
      change: (input) => {
        set(input, { egress: "none" });
        withoutPublic(input, "a", "b", "c");
      },
      lines: [
        "zones.a.publicSubnetCidr: missing; give a range for the bastion in eu-central-1a, a /28 is enough, or remove target.bastion",
      ],
    },
    {
      rule: "the same with a NAT gateway there",
      change: (input) => {
        set(input, { egress: "single-nat" });
        withoutPublic(input, "a", "b", "c");
      },
      lines: [
        "zones.a.publicSubnetCidr: missing; give a range for the NAT gateway and the bastion in eu-central-1a, a /28 is enough, or set target.egress",
      ],
    },
    {
      rule: "in a VPC that is there already",
      change: (input) => {
        set(input, { vpcId: "vpc-0123456789abcdef0" });
        withoutPublic(input, "a", "b", "c");
        for (const zone of ["a", "b", "c"]) zoneOf(input, zone).subnetId = `subnet-0123456789abcde0${zone}`;
      },
      lines: [
        "target.bastion: is for a VPC that is made, and target.vpcId names one; remove it, name your own bastion in target.proxyJump, and let it in by target.operators",
      ],
    },
    ...["proxyJump", "proxyCommand"].map((field) => ({
      rule: `beside ${field}`,
      change: (input: EnvironmentInput) => set(input, { [field]: "other" }),
      lines: [`target.${field}: there is a bastion too, and ssh goes through that by itself; remove one of the two`],
    })),
    {
      rule: "of another architecture than the machines' image",
      change: (input) => set(input, {}, { instanceType: "t3.micro" }),
      lines: [
        "target.bastion.instanceType: t3.micro is x86_64, and target.imageId is an image for arm64, as m7g.large is; give target.bastion.imageId, or remove this",
      ],
    },
    {
      rule: "of another architecture, with an image of its own",
      change: (input) => set(input, {}, { instanceType: "t3.micro", imageId: "ami-0123456789abcdef1" }),
      lines: [],
    },
    {
      rule: "beside machines of a type that is not known",
      change: (input) => set(input, { instanceType: "x9z.large" }),
      lines: [
        "target.bastion.instanceType: missing; the architecture of target.instanceType x9z.large is not known here: use t4g.nano for an arm64 image, t3.nano for x86_64",
      ],
    },
  ]);
});

describe("the way to machines on AWS", () => {
  check(awsInput, [
    {
      rule: "two proxies",
      change: (input) => Object.assign(input.target, { proxyJump: "jump", proxyCommand: "way %h %p" }),
      lines: ["target.proxyCommand: there is proxyJump too, and ssh takes one way; remove one of the two"],
    },
  ]);
});
