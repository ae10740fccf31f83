import { describe, expect, it, test } from "vitest";
import { instanceType, instanceTypes } from "../../environments/instance-types.ts";
import { hostMemoryMb, maxMemoryMb } from "../../environments/memory.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import { specsOf } from "../../topology/render.ts";
import { awsInput, localInput, sshInput } from "./inputs.ts";

test("an instance type has the memory and the architecture of its family and size", () => {
  expect(instanceType("m7g.large")).toEqual({ architecture: "arm64", memoryMb: 8192 });
  expect(instanceType("r7i.4xlarge")).toEqual({ architecture: "x86_64", memoryMb: 131_072 });
  expect(instanceType("t4g.small")).toEqual({ architecture: "arm64", memoryMb: 2048 });
  expect(["m7g", "m7g.huge", "x9z.large"].map(instanceType)).toEqual([undefined, undefined, undefined]);
  expect(instanceTypes).toContain("r8g.xlarge");
  expect(instanceTypes.filter((name) => instanceType(name) === undefined)).toEqual([]);
});

describe("the most memory that redis-server uses", () => {
  const withoutLimit = (input: ReturnType<typeof awsInput>) => {
    delete input.settings.maxMemoryMb;
    return input;
  };

  it("is what the environment says", () => {
    expect(maxMemoryMb(parseEnvironment(awsInput()))).toBe(2048);
  });

  it("is 45 % of what the kernel leaves of the instance type's, and gets into redis.conf", () => {
    const environment = parseEnvironment(withoutLimit(awsInput()));
    expect(hostMemoryMb(environment)).toBe(7372);
    expect(maxMemoryMb(environment)).toBe(3317);
    expect(specsOf(environment)[0]?.files["redis.conf"]).toContain(`\nmaxmemory ${3317 * 1024 * 1024}\n`);
  });

  it("is 45 % of the hosts' that the environment names", () => {
    const input = withoutLimit(awsInput());
    Object.assign(input.target, { instanceType: "x9z.large", hostMemoryMb: 1000 });
    expect(maxMemoryMb(parseEnvironment(input))).toBe(450);
    expect(maxMemoryMb(parseEnvironment(withoutLimit(sshInput())))).toBe(3686);
  });

  it("is to be said where the hosts' is not known", () => {
    const input = withoutLimit(sshInput());
    delete (input.target as { hostMemoryMb?: number }).hostMemoryMb;
    expect(() => parseEnvironment(input)).toThrow(
      "settings.maxMemoryMb: missing; give a whole number of MiB, or target.hostMemoryMb",
    );
    expect(() => parseEnvironment(withoutLimit(localInput()))).toThrow(/missing; give a whole number of MiB$/m);
  });
});
