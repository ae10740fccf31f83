// @ts-check

/**
 * Flags of `terragrunt run` (1.1) with a value. The others of `flagsOfToday` are switches.
 * A flag that Terraform has too is Terragrunt's with two dashes and Terraform's with one.
 */
const withValue = [
  "auth-provider-cmd",
  "cas-clone-depth",
  "config",
  "discovery-boundary",
  "download-dir",
  "engine-cache-path",
  "engine-log-level",
  "experiment",
  "feature",
  "filter",
  "filters-file",
  "graph-root",
  "iam-assume-role",
  "iam-assume-role-duration",
  "iam-assume-role-session-name",
  "iam-assume-role-web-identity-token",
  "json-out-dir",
  "log-custom-format",
  "log-format",
  "log-level",
  "no-tip",
  "out-dir",
  "parallelism",
  "profile-cpu",
  "profile-dir",
  "profile-goroutine",
  "profile-mem",
  "provider-cache-dir",
  "provider-cache-hostname",
  "provider-cache-port",
  "provider-cache-registry-names",
  "provider-cache-token",
  "queue-exclude-dir",
  "queue-excludes-file",
  "queue-include-dir",
  "queue-include-units-reading",
  "report-file",
  "report-format",
  "report-schema-file",
  "source",
  "source-map",
  "strict-control",
  "tf-path",
  "units-that-include",
  "version-manager-file-name",
  "working-dir",
];

const switches = [
  "backend-bootstrap",
  "backend-require-bootstrap",
  "dependency-fetch-output-from-state",
  "destroy-dependencies-check",
  "disable-bucket-update",
  "disable-command-validation",
  "engine-skip-check",
  "experiment-mode",
  "experimental-engine",
  "fail-fast",
  "filter-affected",
  "filter-allow-destroy",
  "inputs-debug",
  "log-disable",
  "log-show-abs-paths",
  "no-auto-approve",
  "no-auto-init",
  "no-auto-provider-cache-dir",
  "no-auto-retry",
  "no-cas",
  "no-color",
  "no-dependency-fetch-output-from-state",
  "no-dependency-outputs",
  "no-destroy-dependencies-check",
  "no-discovery-auth-provider-cmd",
  "no-engine",
  "no-filters-file",
  "no-hooks",
  "no-stack-generate",
  "no-tips",
  "non-interactive",
  "provider-cache",
  "queue-exclude-external",
  "queue-ignore-dag-order",
  "queue-ignore-errors",
  "queue-include-external",
  "queue-strict-include",
  "source-update",
  "strict-mode",
  "summary-disable",
  "summary-per-unit",
  "tf-forward-stdout",
  "use-partial-parse-config-cache",
];

/** Terragrunt's flags of today by name, without dashes; true when a value follows. */
export const flagsOfToday = new Map([
  ...withValue.map((name) => /** @type {[string, boolean]} */ ([name, true])),
  ...switches.map((name) => /** @type {[string, boolean]} */ ([name, false])),
]);

/** Old `--terragrunt-<name>` flags whose name of today is not just the one without the prefix. */
export const renamedFlags = new Map([
  ["debug", "inputs-debug"],
  ["exclude-dir", "queue-exclude-dir"],
  ["excludes-file", "queue-excludes-file"],
  ["fetch-dependency-output-from-state", "dependency-fetch-output-from-state"],
  ["forward-tf-stdout", "tf-forward-stdout"],
  ["hclfmt-exclude-dir", "exclude-dir"],
  ["hclfmt-file", "file"],
  ["hclvalidate-json", "json"],
  ["hclvalidate-show-config-path", "show-config-path"],
  ["iam-role", "iam-assume-role"],
  ["iam-web-identity-token", "iam-assume-role-web-identity-token"],
  ["ignore-dependency-errors", "queue-ignore-errors"],
  ["ignore-dependency-order", "queue-ignore-dag-order"],
  ["ignore-external-dependencies", "queue-exclude-external"],
  ["include-dir", "queue-include-dir"],
  ["include-external-dependencies", "queue-include-external"],
  ["json-disable-dependent-modules", "disable-dependent-modules"],
  ["json-out", "out"],
  ["modules-that-include", "units-that-include"],
  ["strict-include", "queue-strict-include"],
  ["strict-validate", "strict"],
  ["tfpath", "tf-path"],
]);

/** Names of today, of commands other than `run`, that take a value and can only come from an old flag. */
export const otherFlagsWithValue = ["exclude-dir", "file", "out"];

/** Old switches that became another setting. */
export const replacedFlags = new Map([
  ["disable-log-formatting", "--log-format=key-value"],
  ["json-log", "--log-format=json"],
]);

/** Old switches that have no counterpart, and why leaving them out is right. */
export const goneFlags = new Map([
  ["fail-on-state-bucket-creation", "Terragrunt creates buckets only when asked (`terragrunt backend bootstrap`)"],
  ["include-module-prefix", "the output of a unit always carries its name"],
  ["log-disable-error-summary", "Terragrunt has no such summary any more"],
  ["no-destroy-dependencies-check", "the check is made only when asked for (`--destroy-dependencies-check`)"],
  ["tf-logs-to-json", "`--log-format=json` covers what Terraform says"],
]);
