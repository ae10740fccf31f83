import { describe, expect, test } from "vitest";

import { nodeRange } from "../../tools/setup/places.mjs";
import { isAtLeast, isNodeIn, nodeInWords, upstreamOf, versionIn } from "../../tools/setup/versions.mjs";

describe("the version in what a program prints", () => {
  test.each([
    ["terraform", "Terraform v1.11.4\non linux_amd64\n", "1.11.4"],
    [
      "terraform",
      "There are some problems with the CLI configuration:\n\nTerraform v1.12.0-rc1\non linux_amd64",
      "1.12.0-rc1",
    ],
    ["terraform", "OpenTofu v1.10.0\non linux_amd64\n", null],
    ["tofu", "OpenTofu v1.10.0\non linux_amd64\n", "1.10.0"],
    ["terragrunt", "terragrunt version v1.1.3\n", "1.1.3"],
    ["terragrunt", "terragrunt version 1.1.3\n", "1.1.3"],
    ["terragrunt", "terragrunt version latest\n", null],
    ["redis", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c97\n", "7.0.15"],
    ["redis", "Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=3c3b\n", "8.1.1"],
    ["go", "go version go1.26.8 linux/amd64\n", "1.26.8"],
    ["go", "go version devel go1.27-a1b2c3 Mon linux/amd64\n", "1.27-a1b2c3"],
    ["go", "", null],
  ] as const)("%s: %j -> %s", (program, printed, version) => {
    expect(versionIn(program, printed)).toBe(version);
  });
});

describe("at least", () => {
  test.each([
    ["1.11.0", "1.11.0", true],
    ["1.11.4", "1.11.0", true],
    ["1.9.8", "1.11.0", false],
    ["2.0.0", "1.11.0", true],
    ["1.11.0-rc1", "1.11.0", false],
    ["1.11.1-rc1", "1.11.0", true],
    ["1.12.0-alpha20250101", "1.12.0", false],
    ["1.26rc1", "1.26", false],
    ["1.26", "1.26", true],
    ["1.26.8", "1.26", true],
    ["7.0.15", "7.0.0", true],
    ["6.2.14", "7.0.0", false],
    ["20.9.0", "20.9.0", true],
    ["20.8.1", "20.9.0", false],
    ["nonsense", "0.0.1", false],
  ])("%s of %s: %s", (version, wanted, answer) => {
    expect(isAtLeast(version, wanted)).toBe(answer);
  });
});

describe("Node, by the rule of package.json", () => {
  test.each([
    ["18.20.8", false],
    ["20.18.3", false],
    ["20.19.0", true],
    ["20.20.2", true],
    ["21.7.3", false],
    ["22.11.0", false],
    ["22.12.0", true],
    ["23.0.0", false],
  ])("%s: %s", (version, answer) => {
    expect(isNodeIn(version, nodeRange())).toBe(answer);
  });

  test("in words", () => {
    expect(nodeInWords("^20.19.0 || ^22.12.0")).toBe("Node 20 (>= 20.19.0) or 22 (>= 22.12.0)");
  });

  test("a rule of another form is an error", () => {
    expect(() => isNodeIn("20.19.0", ">=20.19.0")).toThrow('package.json: engines.node: ">=20.19.0" is not like');
  });
});

test.each([
  ["5:7.0.15-1~deb12u10", "7.0.15"],
  ["5:6.0.16-1ubuntu1", "6.0.16"],
  ["8.0.2", "8.0.2"],
])("Debian's %s is upstream's %s", (packaged, upstream) => {
  expect(upstreamOf(packaged)).toBe(upstream);
});
