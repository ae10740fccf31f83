import { example } from "../example.ts";
import { maxMemoryMb } from "../memory.ts";
import { awsTarget } from "./aws.ts";
import type { Problem, Rule } from "./rule.ts";

/** What machines on AWS need before anything is made: somebody who gets in, an image, and room. */

/** AWS runs no script of more than 16 KB at a first boot (docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html); ours has 3. */
const MOST_KEY_BYTES = 12_000;

export const keysTooLong: Rule = (subject) => {
  const keys = awsTarget(subject)?.publicKeys ?? [];
  const bytes = Buffer.byteLength(keys.join("\n"));
  return bytes <= MOST_KEY_BYTES
    ? []
    : [
        {
          path: "target.publicKeys",
          message: `together ${bytes} bytes, and ${MOST_KEY_BYTES} have room in what a machine gets at its first boot; use ed25519 keys, or give those of who applies here, and the others to the machines later`,
        },
      ];
};

/** Once the account is a real one, nothing may be left of what stood beside the example's. */
export const exampleLeft: Rule = (subject) => {
  const target = awsTarget(subject);
  if (target === undefined || target.accountId === example.accountId) return [];
  const problems: Problem[] = target.publicKeys.flatMap((key, index) =>
    key.includes(example.publicKey)
      ? [
          {
            path: `target.publicKeys[${index}]`,
            message: "is the example's, and nobody has its private half; use your own",
          },
        ]
      : [],
  );
  if (target.imageId === example.imageId)
    problems.push({
      path: "target.imageId",
      message: `is the example's, and no image; docs/aws.md shows how to find that of Debian 13 in ${target.region}`,
    });
  const { backend } = subject.environment;
  if (backend.kind === "s3" && backend.bucket.includes(example.accountId))
    problems.push({
      path: "backend.bucket",
      message: `${backend.bucket} is the example's; use a name with your own account`,
    });
  return problems;
};

export const noWayIn: Rule = (subject) => {
  const target = awsTarget(subject);
  if (target === undefined) return [];
  const { sessionManager, bastion, proxyCommand, operators } = target;
  const named = operators.cidrs.length + operators.securityGroupIds.length > 0;
  // A bastion of one's own, in proxyJump, comes from somewhere, and operators has to name that.
  return sessionManager || bastion || proxyCommand !== undefined || named
    ? []
    : [
        {
          path: "target",
          message:
            "nobody would get in to the machines, not even an apply; add sessionManager, a bastion, or operators (docs/aws-access.md)",
        },
      ];
};

/** The append-only file can become as large as the data, and so can the one that takes its place. */
const LEAST_VOLUME = 2;

export const volumeTooSmall: Rule = (subject) => {
  const target = awsTarget(subject);
  const most = maxMemoryMb(subject.environment);
  if (target === undefined || most === undefined) return [];
  const least = Math.ceil((LEAST_VOLUME * most) / 1024);
  return target.dataVolumeGb >= least
    ? []
    : [
        {
          path: "target.dataVolumeGb",
          message: `${target.dataVolumeGb} GiB are too few for ${most} MiB of data, its file, and the file that is written anew; use ${Math.ceil((3 * most) / 1024)}, or at least ${least}`,
        },
      ];
};
