import { secretsSetting } from "../secrets-setting.ts";
import type { Rule } from "./rule.ts";

/** https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-parameter-name-constraints.html */
export const reservedParameterPath: Rule = ({ environment }) => {
  const { project } = environment;
  return secretsSetting(environment).kind === "ssm" && /^(aws|ssm)/.test(project)
    ? [
        {
          path: "project",
          message: `AWS keeps parameters that begin with aws or ssm for itself, and the secrets would be below /${project}; use another name`,
        },
      ]
    : [];
};
