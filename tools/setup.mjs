// @ts-check
/**
 * Brings a fresh computer to where `npm start` and `npm test` work, and is silent when it is there already. It runs
 * before node_modules exists, so that it and tools/setup/ use nothing but Node itself.
 *
 *   node tools/setup.mjs   does what is missing; says what only the user can do, all of it at once
 *     --without-terragrunt   leaves Terragrunt to the one who asks for it first: `npm test` or `npx terragrunt`
 *     --check                says what is missing, changes nothing; exit code 0 = ready
 */
import { messageFor, report } from "./setup/messages.mjs";
import { installNpmPackages } from "./setup/npm-packages.mjs";
import { decide, look } from "./setup/plan.mjs";
import { installRedis } from "./setup/redis.mjs";
import { Interrupted, say } from "./setup/run-step.mjs";
import { buildTerragrunt } from "./setup/terragrunt.mjs";

const options = ["--check", "--without-terragrunt"];

process.exitCode = await main(process.argv.slice(2), process.env);

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} the exit code
 */
async function main(args, env) {
  const unknown = args.find((arg) => !options.includes(arg));
  if (unknown) {
    say(`tools/setup.mjs: unknown argument ${unknown}; there are ${options.join(" and ")}`);
    return 2;
  }
  const facts = await look(env, { withTerragrunt: !args.includes("--without-terragrunt") });
  const plan = decide(facts);
  if (args.includes("--check")) {
    process.stdout.write(`${report(facts, plan)}\n`);
    return plan.problems.length + plan.steps.length === 0 ? 0 : 1;
  }
  if (plan.problems.length > 0) {
    say(messageFor(plan.problems));
    return 1;
  }
  try {
    for (const step of plan.steps) await perform(step, facts, env);
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    say(`Set-up stopped: ${error instanceof Error ? error.message : String(error)}`);
    say("It is safe to run the same command again.");
    return 1;
  }
}

/**
 * @param {import("./setup/plan.mjs").Step} step
 * @param {import("./setup/plan.mjs").Facts} facts
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<void>}
 */
function perform(step, facts, env) {
  switch (step) {
    case "npm packages":
      return installNpmPackages(/** @type {string} */ (facts.npm), env);
    case "redis":
      return installRedis(env);
    case "terragrunt":
      return buildTerragrunt(/** @type {string} */ (facts.go?.found?.path), env);
  }
}
