import { describe, expect, test } from "vitest";
import { parseUnit, problemsOf, type Project } from "./unit-checks.ts";

const root = `include "root" {\n  path = find_in_parent_folders("root.hcl")\n}\n`;

/** A unit that comes after two others and takes a value from one of them. */
const zoneText = `${root}
dependencies {
  paths = ["../foundation"]
}

dependency "network" {
  config_path = "../network"

  mock_outputs = {
    subnet_ids = ["subnet-mock"]
  }
  mock_outputs_allowed_terraform_commands = ["init", "validate", "plan", "destroy"]
}

inputs = {
  subnets = dependency.network.outputs.subnet_ids
}
`;

/** Stacks between which a value flows, and units that fit; `text` replaces the unit that takes the value. */
async function project(text = zoneText, change: Partial<Project> = {}): Promise<Project> {
  return {
    graph: {
      stacks: {
        "prod-network": { dependencies: [] },
        "prod-foundation": { dependencies: [] },
        "prod-zone-a": { dependencies: ["prod-foundation", "prod-network"] },
      },
    },
    documents: {
      "prod-network": { output: { subnet_ids: { value: "x" } } },
      "prod-zone-a": { variable: { subnets: { type: "list(string)" }, size: { type: "number", default: null } } },
    },
    units: {
      "prod/network": await parseUnit(root),
      "prod/foundation": await parseUnit(root),
      "prod/zone-a": await parseUnit(text),
    },
    ...change,
  };
}

test("units that fit their stacks have no problems", async () => {
  expect(problemsOf(await project())).toEqual([]);
});

describe("each way not to fit is found", () => {
  test.each([
    ["root.hcl is not included", (text: string) => text.replace(root, ""), "does not include root.hcl"],
    [
      "another backend",
      (text: string) => `${text}\nremote_state {\n  backend = "local"\n}\n`,
      "has a block remote_state",
    ],
    [
      "an order that is missing",
      (text: string) => text.replace(/dependencies \{[^}]*\}/, ""),
      "comes after [prod-network], for cdktf after [prod-foundation, prod-network]",
    ],
    [
      "an order that cdktf does not have",
      (text: string) => text.replace('"../foundation"', '"../foundation", "../zone-b"'),
      "comes after [prod-foundation, prod-network, prod-zone-b], for cdktf after [prod-foundation, prod-network]",
    ],
    [
      "an output that does not exist",
      (text: string) => text.replaceAll("subnet_ids", "subnets"),
      "mocks dependency.network.outputs.subnets, which is no output",
    ],
    [
      "a reference to an output that does not exist",
      (text: string) => text.replace("outputs.subnet_ids", "outputs.other"),
      "subnets: dependency.network.outputs.other is no output",
    ],
    [
      "a reference to a dependency that does not exist",
      (text: string) => text.replace("dependency.network.", "dependency.net."),
      "subnets: there is no dependency net",
    ],
    [
      "a value for something that is no variable",
      (text: string) => text.replace("subnets =", "subnet_list ="),
      "gives a value for subnet_list, which is no variable",
    ],
    [
      "a variable without a value",
      (text: string) => text.replace(/inputs = \{[^}]*\}/, ""),
      "gives no value for the variable subnets",
    ],
    [
      "a mock that is missing",
      (text: string) => text.replace(/subnet_ids = .*\n/, ""),
      "subnets: dependency.network.outputs.subnet_ids has no mock",
    ],
    [
      "a mock of another type",
      (text: string) => text.replace('["subnet-mock"]', '"subnet-mock"'),
      "subnets: the mock of dependency.network.outputs.subnet_ids is no list(string)",
    ],
    [
      "a mock of another inner type",
      (text: string) => text.replace('["subnet-mock"]', "[1]"),
      "subnets: the mock of dependency.network.outputs.subnet_ids is no list(string)",
    ],
    [
      "mocks in an apply",
      (text: string) => text.replace('"validate", "plan"', '"plan", "apply"'),
      "allows mocks of network in apply",
    ],
    [
      "no mocks in a destroy",
      (text: string) => text.replace(', "destroy"', ""),
      "allows no mocks of network in destroy",
    ],
  ])("%s", async (_, edit, problem) => {
    const text = edit(zoneText);
    expect(text).not.toBe(zoneText);

    expect(problemsOf(await project(text))).toContain(`prod/zone-a: ${problem}`);
  });

  test("a stack without a unit, and a unit without a stack", async () => {
    const { graph, units } = await project();
    const without = <T>(record: Readonly<Record<string, T>>, name: string): Record<string, T> =>
      Object.fromEntries(Object.entries(record).filter(([it]) => it !== name));

    const noUnit = await project(zoneText, { units: without(units, "prod/network") });
    expect(problemsOf(noUnit)).toContain("prod-network: has no unit");

    const noStack = await project(zoneText, { graph: { stacks: without(graph.stacks, "prod-foundation") } });
    expect(problemsOf(noStack)).toContain("prod/foundation: its stack is not synthesized");
  });

  test.each([
    ["string", "a", 1],
    ["number", 1, "1"],
    ["bool", true, "true"],
    ["map(string)", { a: "b" }, ["b"]],
    ["map(number)", { a: 1 }, { a: "1" }],
    ["set(bool)", [true], [1]],
  ])("a mock of type %s", async (type, right, wrong) => {
    const problems = async (mock: unknown) => {
      const text = zoneText.replace('["subnet-mock"]', JSON.stringify(mock));
      const { documents } = await project();
      const zone = { variable: { subnets: { type } } };
      return problemsOf(await project(text, { documents: { ...documents, "prod-zone-a": zone } }));
    };

    expect(await problems(right)).toEqual([]);
    expect(await problems(wrong)).toEqual([expect.stringContaining(`is no ${type}`)]);
  });
});
