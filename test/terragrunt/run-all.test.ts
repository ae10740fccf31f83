import { describe, expect, test } from "vitest";
import { inTodaysForm } from "../../tools/terragrunt/run-all.mjs";

const words = (line: string): string[] => line.split(" ").filter((word) => word !== "");
const today = (line: string): string => inTodaysForm(words(line)).args.join(" ");

describe("run-all in today's form", () => {
  test.each([
    ["run-all plan", "run --all -- plan"],
    ["run-all apply", "run --all -- apply"],
    ["run-all apply -auto-approve", "run --all -- apply -auto-approve"],
    ["run-all destroy -auto-approve -lock=false", "run --all -- destroy -auto-approve -lock=false"],
    ["run-all output -json", "run --all -- output -json"],
    ["run-all validate", "run --all -- validate"],
    ["run-all state list", "run --all -- state list"],
    ["run-all plan -out plan.bin -target null_resource.x", "run --all -- plan -out plan.bin -target null_resource.x"],
    ["run-all", "run --all"],
    ["run-all --help", "run --help"],
    ["run-all plan -h", "run --help"],
  ])("%s -> %s", (old, expected) => {
    expect(today(old)).toBe(expected);
  });

  test.each([
    ["--terragrunt-non-interactive", "--non-interactive"],
    ["--terragrunt-non-interactive=true", "--non-interactive=true"],
    ["-terragrunt-non-interactive", "--non-interactive"],
    ["--terragrunt-working-dir local", "--working-dir local"],
    ["--terragrunt-working-dir=local", "--working-dir=local"],
    ["--terragrunt-parallelism 1", "--parallelism 1"],
    ["--terragrunt-ignore-dependency-errors", "--queue-ignore-errors"],
    ["--terragrunt-ignore-dependency-order", "--queue-ignore-dag-order"],
    ["--terragrunt-include-dir zone-a", "--queue-include-dir zone-a"],
    ["--terragrunt-exclude-dir zone-a", "--queue-exclude-dir zone-a"],
    ["--terragrunt-excludes-file no.txt", "--queue-excludes-file no.txt"],
    ["--terragrunt-strict-include", "--queue-strict-include"],
    ["--terragrunt-ignore-external-dependencies", "--queue-exclude-external"],
    ["--terragrunt-include-external-dependencies", "--queue-include-external"],
    ["--terragrunt-modules-that-include root.hcl", "--units-that-include root.hcl"],
    ["--terragrunt-queue-include-units-reading root.hcl", "--queue-include-units-reading root.hcl"],
    ["--terragrunt-source ../x", "--source ../x"],
    ["--terragrunt-source-map a=b", "--source-map a=b"],
    ["--terragrunt-source-update", "--source-update"],
    ["--terragrunt-log-level debug", "--log-level debug"],
    ["--terragrunt-log-format=bare", "--log-format=bare"],
    ["--terragrunt-forward-tf-stdout", "--tf-forward-stdout"],
    ["--terragrunt-no-color", "--no-color"],
    ["--terragrunt-no-auto-init", "--no-auto-init"],
    ["--terragrunt-no-auto-approve", "--no-auto-approve"],
    ["--terragrunt-config unit.hcl", "--config unit.hcl"],
    ["--terragrunt-tfpath tofu", "--tf-path tofu"],
    ["--terragrunt-download-dir cache", "--download-dir cache"],
    ["--terragrunt-debug", "--inputs-debug"],
    ["--terragrunt-iam-role arn:x", "--iam-assume-role arn:x"],
    ["--terragrunt-iam-web-identity-token t", "--iam-assume-role-web-identity-token t"],
    ["--terragrunt-fetch-dependency-output-from-state", "--dependency-fetch-output-from-state"],
    ["--terragrunt-out-dir plans", "--out-dir plans"],
    ["--terragrunt-json-out-dir plans", "--json-out-dir plans"],
    ["--terragrunt-provider-cache", "--provider-cache"],
    ["--terragrunt-json-log", "--log-format=json"],
    ["--terragrunt-disable-log-formatting", "--log-format=key-value"],
    ["--feature all_environments=true", "--feature all_environments=true"],
    ["--non-interactive", "--non-interactive"],
    ["--filter ./zone-a", "--filter ./zone-a"],
  ])("the flag %s is %s, wherever it stands", (old, expected) => {
    expect(today(`${old} run-all plan -input=false`)).toBe(`run --all ${expected} -- plan -input=false`);
    expect(today(`run-all ${old} plan -input=false`)).toBe(`run --all ${expected} -- plan -input=false`);
    expect(today(`run-all plan -input=false ${old}`)).toBe(`run --all ${expected} -- plan -input=false`);
  });

  test.each([
    "fail-on-state-bucket-creation",
    "include-module-prefix",
    "no-destroy-dependencies-check",
    "tf-logs-to-json",
  ])("--terragrunt-%s has no counterpart: it is left out, and said so", (name) => {
    const { args, notes } = inTodaysForm(["run-all", `--terragrunt-${name}`, "plan"]);

    expect(args).toEqual(["run", "--all", "--", "plan"]);
    expect(notes).toEqual([expect.stringContaining(`--terragrunt-${name} is left out: `)]);
  });

  test("a flag that Terraform has too is Terraform's with one dash", () => {
    expect(today("run-all plan -no-color -parallelism=2 --no-color --parallelism 3")).toBe(
      "run --all --no-color --parallelism 3 -- plan -no-color -parallelism=2",
    );
  });

  test("what stands after -- is Terraform's, whatever it is called", () => {
    expect(today("run-all --non-interactive -- apply --log-level")).toBe(
      "run --all --non-interactive -- apply --log-level",
    );
  });

  test("an unknown old flag keeps its name, so that Terragrunt can say what is wrong with it", () => {
    expect(today("run-all plan --terragrunt-brandnew")).toBe("run --all --brandnew -- plan");
  });

  test.each([
    ["run-all render-json --terragrunt-json-out x.json", "render --all --json -w --out x.json"],
    ["run-all terragrunt-info", "info print --all"],
    ["run-all validate-inputs --terragrunt-strict-validate", "hcl validate --inputs --strict"],
    ["run-all hclfmt --terragrunt-hclfmt-exclude-dir x", "hcl fmt --exclude-dir x"],
    ["run-all output-module-groups", "find --dag --json"],
    ["run-all graph-dependencies", "dag graph"],
  ])("a command of Terragrunt's own: %s -> %s", (old, expected) => {
    expect(today(old)).toBe(expected);
  });
});

test.each([
  "",
  "--version",
  "plan",
  "run --all plan",
  "run --all -- apply -auto-approve",
  "apply --all --terragrunt-non-interactive",
  "run -- run-all",
  "exec -- run-all plan",
  "output run-all",
  "--working-dir run-all plan",
])("everything else passes untouched: terragrunt %s", (line) => {
  expect(inTodaysForm(words(line))).toEqual({ args: words(line), translated: false, notes: [] });
});
