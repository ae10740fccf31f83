import { zoneStackName } from "../../stacks/stack-name.ts";
import { environmentFile } from "../invalid-environment-error.ts";
import type { Environment } from "../environment.ts";
import { endpointsOf, placedNodes, type Problem } from "./rule.ts";

/** What two environments must not share. Paths begin with the file of the environment that has to change. */

interface Pair {
  readonly earlier: Environment;
  readonly later: Environment;
}

type PairRule = (pair: Pair) => Problem[];

const masterName = ({ project, name }: Environment): string => `${project}-${name}`;

const sameMasterName: PairRule = ({ earlier, later }) =>
  masterName(earlier) !== masterName(later)
    ? []
    : [
        {
          path: "project",
          message: `its Sentinel master name ${masterName(later)} is also that of ${environmentFile(earlier.name)}, and two clusters with one name merge when they meet; change project or name`,
        },
      ];

/** Every stack of an environment and the field that it is named after. */
const stacksOf = ({ name, zones }: Environment): Map<string, string> =>
  new Map(Object.keys(zones).map((zone) => [zoneStackName(name, zone), `zones.${zone}`]));

const sameStack: PairRule = ({ earlier, later }) => {
  const others = stacksOf(earlier);
  return [...stacksOf(later)].flatMap(([stack, path]) => {
    const other = others.get(stack);
    return other === undefined
      ? []
      : [
          {
            path,
            message: `its stack ${stack} has the name of a stack of ${environmentFile(earlier.name)} (${other}); rename one`,
          },
        ];
  });
};

/** The role of each node on AWS, by the node's path. Names of roles are those of an account. */
const rolesOf = (environment: Environment): Map<string, string> =>
  environment.target.kind === "aws"
    ? new Map(placedNodes(environment).map(({ name, path }) => [`${masterName(environment)}-${name}`, path]))
    : new Map<string, string>();

const sameRole: PairRule = ({ earlier, later }) => {
  const others = rolesOf(earlier);
  return [...rolesOf(later)].flatMap(([role, path]) =>
    others.has(role)
      ? [
          {
            path: `${path}.name`,
            message: `its role ${role} has the name of that of ${environmentFile(earlier.name)} (${others.get(role)}.name); rename one`,
          },
        ]
      : [],
  );
};

const sameLocalPort: PairRule = ({ earlier, later }) => {
  if (earlier.target.kind !== "local" || later.target.kind !== "local") return [];
  const taken = endpointsOf(placedNodes(earlier));
  return endpointsOf(placedNodes(later)).flatMap(({ address, port, path }) => {
    const other = taken.find((endpoint) => endpoint.address === address && endpoint.port === port);
    return other
      ? [
          {
            path,
            message: `${port} is taken by ${other.node.name} of ${environmentFile(earlier.name)} (${other.path}), and both run on this computer; use another port`,
          },
        ]
      : [];
  });
};

const pairRules: readonly PairRule[] = [sameMasterName, sameStack, sameRole, sameLocalPort];

/** Every problem between environments; those of one name get one message and are not compared further. */
export function problemsAcross(environments: readonly Environment[]): Problem[] {
  return environments.flatMap((later, index) => {
    const before = environments.slice(0, index);
    const path = (field: string) => `${environmentFile(later.name)}: ${field}`;
    if (before.some(({ name }) => name === later.name))
      return [
        {
          path: path("name"),
          message: `environments/index.ts lists two environments named ${later.name}; rename one, or remove it`,
        },
      ];
    return before.flatMap((earlier) =>
      pairRules.flatMap((rule) =>
        rule({ earlier, later }).map((problem) => ({ ...problem, path: path(problem.path) })),
      ),
    );
  });
}
