import { awsTarget } from "./aws.ts";
import type { Rule } from "./rule.ts";

/** What stands in the names of an environment's backups beside project, name and account: `-` and `-backups-`. */
const BUCKET = { most: 63, rest: "--backups-".length + 12 };
/** Of a node's role: `<project>-<environment>-<node>`. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const ROLE_MOST = 64;

/** AWS would refuse them in the middle of an apply. */
export const namesTooLongForAws: Rule = (subject) => {
  if (!awsTarget(subject)) return [];
  const { project, name } = subject.environment;
  const bucket = project.length + name.length + BUCKET.rest;
  if (bucket > BUCKET.most) {
    return [
      {
        path: "name",
        message: `with project ${project}, the name of the bucket for backups has ${bucket} characters, and AWS takes ${BUCKET.most}; shorten one of them by ${bucket - BUCKET.most}`,
      },
    ];
  }
  return subject.nodes.flatMap(({ path, name: node }) => {
    const role = `${project}-${name}-${node}`;
    return role.length <= ROLE_MOST
      ? []
      : [
          {
            path: `${path}.name`,
            message: `${role}, the name of its role, has ${role.length} characters, and AWS takes ${ROLE_MOST}; shorten it by ${role.length - ROLE_MOST}`,
          },
        ];
  });
};
