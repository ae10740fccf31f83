// @ts-check
import { messageFor } from "./advice.mjs";

/**
 * What `--check` prints: what is here, what set-up would do, and what only the user can do.
 *
 * @param {import("./look.mjs").Facts} facts
 * @param {import("./plan.mjs").Plan} plan
 * @returns {string}
 */
export function report(facts, plan) {
  const { node, redisServer, redisSentinel, terraform, terragrunt } = facts;
  const here = [
    ["Node", node],
    ["redis-server", redisServer.found],
    ["redis-sentinel", redisSentinel.found],
    [terraform.found?.name === "tofu" ? "OpenTofu" : "Terraform", terraform.found],
    ["Terragrunt", terragrunt.found],
  ];
  const lines = here.flatMap(([name, found]) =>
    found && typeof found === "object" ? [`here     ${name} ${found.version} (${found.path})`] : [],
  );
  if (!facts.packagesMisfit) lines.push("here     npm packages, as package-lock.json says");
  for (const step of plan.steps) lines.push(`to do    ${intention(step, facts)}`);
  if (plan.problems.length > 0) lines.push("", messageFor(plan.problems));
  return lines.join("\n");
}

/**
 * @param {import("./plan.mjs").Step} step
 * @param {import("./look.mjs").Facts} facts
 * @returns {string}
 */
function intention(step, facts) {
  switch (step) {
    case "npm packages":
      return `npm ci: ${facts.packagesMisfit}`;
    case "redis":
      return "redis-server and redis-sentinel from this system's packages, services kept off";
    case "terragrunt":
      return `Terragrunt ${facts.pinned.terragrunt}: build with Go ${facts.go?.found?.version}`;
  }
}
