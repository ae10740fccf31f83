import { parseConfigFile, sameConfigValue } from "../topology/config-file.ts";
import { applyCommands } from "../agent/not-applied.ts";
import type { ExpectedNode, RedisEvidence } from "./evidence.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { FENCE } from "./answers.ts";
import { finding, type Context, type Finding } from "./verify.ts";
import { reason } from "./view.ts";

/** Checks on configuration: what runs, what lies on disk and what was applied. */
export function configChecks(context: Context): Finding[] {
  return [
    ...context.evidence.redis.flatMap((server) => running(server, context)),
    ...context.evidence.redis.flatMap(({ node, answer }) => (answer ? [writable(node, node.name, answer)] : [])),
    ...context.evidence.sentinels.flatMap(({ node, answer }) =>
      answer ? [writable(node, `the Sentinel of ${node.name}`, answer)] : [],
    ),
    ...context.expectation.inventory.nodes.flatMap((node) => {
      const expected = context.expectation.specs.get(node.name);
      return expected
        ? [
            ...agent(expected, context),
            ...applied(expected, context),
            ...files(expected, context),
            ...users(expected, context),
            ...certificates(expected, context),
            ...handOvers(node, context),
          ]
        : [];
    }),
  ];
}

/** Whoever cannot write down who is master has forgotten it at the next start. */
function writable(
  node: TopologyNode,
  who: string,
  { state, rewriteError }: { state: { configFile: string }; rewriteError?: string | undefined },
): Finding {
  const file = state.configFile || "its configuration file";
  const message =
    rewriteError === undefined
      ? `${who} can write its configuration file`
      : `${who} cannot write ${file} (${reason(rewriteError)}): it would forget who is master`;
  return finding(
    "config-rewrite",
    node,
    rewriteError === undefined,
    message,
    `let its user write to the folder of ${file}, and make room on its disk`,
  );
}

/** What a killed process left; agents end it within a second or two, when roles and Sentinels let them. */
function handOvers(node: TopologyNode, { evidence, repair }: Context): Finding[] {
  const files = evidence.files.get(node.name);
  if (!files || node.redisPort === undefined) return [];
  const { interrupted } = files;
  const message = interrupted
    ? `the hand-over of ${interrupted.from}'s role${interrupted.to ? ` to ${interrupted.to}` : ""} was interrupted`
    : `${node.name} was not interrupted in handing its role over`;
  return [finding("hand-over", node, interrupted === undefined, message, repair)];
}

function running({ node, answer }: RedisEvidence, { evidence, expectation, converge, repair }: Context): Finding[] {
  const text = expectation.specs.get(node.name)?.spec.files["redis.conf"];
  if (!answer || text === undefined) return [];
  const wanted = parseConfigFile(text);
  const minReplicas = "min-replicas-to-write";
  const [asked = "0", applied = "0"] = [answer.config[minReplicas], wanted.get(minReplicas)];
  const fenced = asked === FENCE && applied !== FENCE;
  // Only a master takes writes, and only its agent raises this.
  const raised = !fenced && answer.state.role === "master" && Number(asked) > Number(applied);
  const different = [...wanted].flatMap(([key, value]) => {
    if (key === minReplicas && (fenced || raised)) return [];
    // Started with a worse one, by the age of its data, until its agent has seen it in step.
    if (key === "replica-priority" && evidence.files.get(node.name)?.catchingUp) return [];
    const actual = answer.config[key];
    if (actual === undefined) return [`${key} is not known to the server`];
    if (sameConfigValue(key, value, actual)) return [];
    return [isSecret(key) ? `${key} differs` : `${key} is ${shown(actual)}, applied is ${shown(value)}`];
  });
  return [
    finding(
      "fenced",
      node,
      !fenced && !raised,
      fenced
        ? `${node.name} accepts no writes (min-replicas-to-write ${FENCE}): no Sentinel quorum has confirmed its role yet`
        : raised
          ? `${node.name} asks for ${asked} replicas in step before it takes a write, applied is ${applied}: it reached no majority of Sentinels`
          : `${node.name} is not fenced`,
      repair,
    ),
    finding(
      "running-config",
      node,
      different.length === 0,
      different.length === 0
        ? `${node.name} runs with all ${wanted.size} applied keys`
        : `${node.name}: ${different.join("; ")}`,
      converge,
    ),
  ];
}

const shown = (value: string): string => (value === "" ? "empty" : value);
const isSecret = (key: string): boolean => /pass|masterauth/.test(key);

/** Without it nobody starts a server again that ends, and nobody acts before the Sentinels do. */
function agent({ spec, state }: ExpectedNode, { evidence, converge }: Context): Finding[] {
  const { node } = spec;
  const files = evidence.files.get(node.name);
  if (!files || state === "retired" || state === "never-applied") return [];
  const message = `the agent of ${node.name} ${files.agent ? "runs" : "does not run"}`;
  return [finding("agent-running", node, files.agent, message, converge)];
}

/** The state folder tells only of this computer, so on other targets there is nothing to say. */
function applied({ spec, state }: ExpectedNode, { expectation }: Context): Finding[] {
  if (state === "unknown") return [];
  const { node } = spec;
  const apply = `apply: ${applyCommands(expectation.environment, expectation.inventory.target)}`;
  if (state === "retired") {
    return [finding("applied", node, false, `${node.name} was stopped on purpose (npm stop, or a destroy)`, apply)];
  }
  if (state === "never-applied") {
    const message = `${node.name} was never applied on this computer; it is compared with what was synthesized`;
    return [finding("applied", node, false, message, apply)];
  }
  if (state === "applied") {
    return [finding("applied", node, true, `${node.name} has the synthesized configuration`)];
  }
  // A change that waits for its apply is a plan, not a fault: the cluster still is what it was told to be.
  const message = `${node.name} is as it was applied; what was synthesized since then differs`;
  return [{ ...finding("applied", node, true, message), remedy: apply }];
}

/** Who may do what, as a server has loaded it and as it would read it at its next start. */
function users({ spec }: ExpectedNode, { evidence, converge }: Context): Finding[] {
  const { node } = spec;
  const wrong = evidence.files.get(node.name)?.users;
  if (!wrong) return [];
  const message = wrong.length === 0 ? `${node.name} has the applied users` : `${node.name}: ${wrong.join("; ")}`;
  return [finding("users", node, wrong.length === 0, message, converge)];
}

/** Whoever does not renew it in time is shut out by everybody on one day. */
function certificates({ spec }: ExpectedNode, { evidence, converge }: Context): Finding[] {
  const { node } = spec;
  const wrong = evidence.files.get(node.name)?.certificates;
  if (!wrong || spec.tls !== true) return [];
  const message = wrong.length === 0 ? `${node.name} has a valid certificate` : `${node.name}: ${wrong.join("; ")}`;
  const renew = `renew it (docs/security.md), and ${converge}`;
  return [finding("certificate", node, wrong.length === 0, message, renew)];
}

function files({ spec }: ExpectedNode, { evidence, converge }: Context): Finding[] {
  const { node } = spec;
  const onDisk = evidence.files.get(node.name);
  if (!onDisk) return [];
  const compared = [
    ["redis.conf", spec.files["redis.conf"], onDisk.redisConf],
    ["sentinel.conf", spec.files["sentinel.conf"], onDisk.sentinelConf],
  ] as const;
  const wrong = compared.flatMap(([name, wanted, actual]) => {
    if (wanted === undefined || wanted === actual) return [];
    return [`${name} ${actual === undefined ? "is missing" : `differs (${firstDifference(wanted, actual)})`}`];
  });
  return [
    finding(
      "files-on-disk",
      node,
      wrong.length === 0,
      wrong.length === 0
        ? `${node.name}'s configuration files are as they should be`
        : `${node.name}: ${wrong.join("; ")}`,
      converge,
    ),
  ];
}

function firstDifference(wanted: string, actual: string): string {
  const [left, right] = [wanted.split("\n"), actual.split("\n")];
  const at = left.findIndex((line, index) => line !== right[index]);
  const line = at === -1 ? left.length : at;
  return `line ${line + 1} is "${right[line] ?? "missing"}"`;
}
