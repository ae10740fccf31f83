// @ts-check
import { redisPackages } from "./debian.mjs";
import { atLeast, isAtLeast, nodeInWords, wanted } from "./versions.mjs";

/**
 * @typedef {import("./computer.mjs").Computer} Computer
 * @typedef {import("./binaries.mjs").Rejected} Rejected
 * @typedef {{ missing: string, ways: string[] }} Problem
 *   `ways`: lines to type, each as it stands; a line that begins with "#" is said, not typed
 */

/**
 * @param {import("./binaries.mjs").Found} node
 * @param {string} range
 * @returns {Problem}
 */
export function wrongNode(node, range) {
  return {
    missing: `${nodeInWords(range)}: this is ${node.version} (${node.path})`,
    ways: ["nvm install 22", "# without nvm: https://nodejs.org/en/download"],
  };
}

/** @returns {Problem} */
export function missingNpm() {
  return {
    missing: "npm: not on PATH",
    ways: ["# it comes with Node: https://nodejs.org/en/download (Debian's own Node: sudo apt-get install npm)"],
  };
}

/**
 * @param {Computer} computer
 * @param {Rejected[]} tooOld
 * @param {string | null} offered what the distribution's packages have
 * @returns {Problem}
 */
export function missingRedis(computer, tooOld, offered) {
  const missing = `${wanted.redis}: ${whyNot(tooOld)}`;
  const page = "https://redis.io/docs/latest/operate/oss_and_stack/install/";
  if (computer.platform === "darwin") return { missing, ways: ["brew install redis"] };
  if (!computer.apt) return { missing, ways: [`# by your system's packages, or as ${page} says`] };
  const older = offered !== null && !isAtLeast(offered, atLeast.redis);
  return {
    missing,
    ways: [
      ...(older ? [`# your system's packages have only ${offered}; first add the archive that ${page} names`] : []),
      `${sudo(computer)}apt-get install ${redisPackages.join(" ")}`,
      "# the packages start services of their own, which this project does not use; to keep them off:",
      computer.systemd
        ? `${sudo(computer)}systemctl disable --now ${redisPackages.join(" ")}`
        : `for it in ${redisPackages.join(" ")}; do ${sudo(computer)}service $it stop; ${sudo(computer)}update-rc.d $it disable; done`,
    ],
  };
}

/**
 * @param {Computer} computer
 * @param {import("./binaries.mjs").TerraformSearch} search
 * @returns {Problem}
 */
export function missingTerraform(computer, search) {
  if (search.conflict) {
    return { missing: `${wanted.terraform}: ${search.conflict}`, ways: ["unset TERRAFORM_BINARY_NAME TG_TF_PATH"] };
  }
  if (search.setBy) {
    return {
      missing: `${wanted.terraform}: ${search.setBy} is set, but ${whyNot(search.rejected, "names no program")}`,
      ways: [`unset ${search.setBy.split("=")[0]}`, "# or let it name one that serves"],
    };
  }
  return {
    missing: `${wanted.terraform}: ${whyNot(search.rejected)}`,
    ways:
      computer.platform === "darwin"
        ? ["brew install opentofu", "# or Terraform: brew install hashicorp/tap/terraform"]
        : [
            "# either Terraform: https://developer.hashicorp.com/terraform/install",
            "# or OpenTofu: https://opentofu.org/docs/intro/install/",
          ],
  };
}

/**
 * @param {Computer} computer
 * @param {Rejected[]} rejected
 * @param {Rejected[]} rejectedGo
 * @param {{ terragrunt: string, go: string }} pinned
 * @returns {Problem}
 */
export function missingTerragrunt(computer, rejected, rejectedGo, pinned) {
  const go = `Go >= ${pinned.go} to build it`;
  const missing = `${wanted.terragrunt}: ${whyNot(rejected)}; nor ${go}: ${whyNot(rejectedGo)}`;
  if (computer.platform === "darwin") {
    return { missing, ways: ["brew install terragrunt", "# or Go, and set-up builds Terragrunt: brew install go"] };
  }
  const release = `https://github.com/gruntwork-io/terragrunt/releases/tag/v${pinned.terragrunt}`;
  return {
    missing,
    ways: [
      "# either Go, and set-up builds Terragrunt: https://go.dev/doc/install",
      `# or Terragrunt's program for this computer, put on PATH: ${release}`,
      "# (before it is run, compare its checksum with the file SHA256SUMS on that page)",
    ],
  };
}

/**
 * One message that lists all of them.
 *
 * @param {Problem[]} problems
 * @returns {string}
 */
export function messageFor(problems) {
  const head = problems.length === 1 ? "One thing is missing" : `${problems.length} things are missing`;
  const items = problems.map(({ missing, ways }, i) =>
    [`${i + 1}. ${missing}`, ...ways.map((way) => `     ${way}`)].join("\n"),
  );
  return [
    `${head} on this computer:`,
    ...items,
    "Nothing has been changed. Run the same command again afterwards.",
  ].join("\n\n");
}

/**
 * What `--check` prints: what is here, what set-up would do, and what only the user can do.
 *
 * @param {import("./plan.mjs").Facts} facts
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
    ["Terragrunt", terragrunt?.found],
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
 * @param {import("./plan.mjs").Facts} facts
 * @returns {string}
 */
function intention(step, facts) {
  switch (step) {
    case "npm packages":
      return `npm packages: ${facts.packagesMisfit}`;
    case "redis":
      return "redis-server and redis-sentinel from this system's packages, services kept off";
    case "terragrunt":
      return `Terragrunt ${facts.pinned.terragrunt}: build with Go ${facts.go?.found?.version}`;
  }
}

/**
 * @param {Rejected[]} rejected
 * @param {string} [otherwise]
 */
function whyNot(rejected, otherwise = "not on PATH") {
  if (rejected.length === 0) return otherwise;
  return rejected.map((it) => `${it.path} ${it.version ? `is ${it.version}` : "tells no version"}`).join(", ");
}

/** @param {Computer} computer */
function sudo(computer) {
  return computer.root ? "" : "sudo ";
}
