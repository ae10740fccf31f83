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

  mock_outputs                            = include.root.locals.mocks["network"]
  mock_outputs_allowed_terraform_commands = ["init", "validate", "plan", "destroy"]
}

inputs = {
  network = dependency.network.outputs
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
      "prod-network": {},
      "prod-zone-a": { variable: { network: { type: "map(string)", default: null } } },
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
      "a reference to a dependency that does not exist",
      (text: string) => text.replace('dependency "network"', 'dependency "net"'),
      "network: there is no dependency network",
    ],
    [
      "another value for a variable",
      (text: string) => text.replace("dependency.network.outputs", "{}"),
      "network is not dependency.network.outputs",
    ],
    [
      "a value for something that is no variable",
      (text: string) => text.replace("network =", "net ="),
      "gives a value for net, which is no variable",
    ],
    [
      "a variable without a value",
      (text: string) => text.replace(/inputs = \{[^}]*\}/, ""),
      "gives no value for the variable network",
    ],
    [
      "outputs of another stack than it says",
      (text: string) => text.replace('"../network"', '"../foundation"'),
      "takes network from ../foundation",
    ],
    [
      "mocks of its own",
      (text: string) => text.replace('include.root.locals.mocks["network"]', '{ vpc_id = "vpc-mock" }'),
      "mocks network by something else than root.hcl",
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
});
