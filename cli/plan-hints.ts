import type { Chosen } from "./environment-choice.ts";

/** What to change, by what Terraform says. */
const hints: readonly [said: RegExp, hint: (environment: string) => string][] = [
  [
    /AWS account ID not allowed/,
    (environment) =>
      `These are not credentials of the account that target.accountId names in environments/${environment}.ts: correct it, or AWS_PROFILE`,
  ],
  [
    /S3 bucket .* does not exist|NoSuchBucket/,
    (environment) =>
      `The bucket for the states is backend.bucket in environments/${environment}.ts; npx redis-ha state init --env ${environment} makes it`,
  ],
  [
    /No valid credential sources|no EC2 IMDS role found|failed to get shared config profile/,
    () => "No credentials of AWS were found: set AWS_PROFILE to a profile that is there, or log in (aws sso login)",
  ],
  [
    /Backend configuration changed/,
    () => "The states are elsewhere than at the last init; docs/operations.md has how they are moved",
  ],
  // Stacks take outputs of others, and only Terragrunt has something in the place of those that are not there yet.
  [
    /Unable to find remote state|Missing map element/,
    (environment) =>
      `Network and foundation say what it needs once they are applied: npx cdktf deploy ${environment}-network ${environment}-foundation. ` +
      `Terragrunt can plan all before that: npx redis-ha plan --help shows how`,
  ],
];

/** What to do about what Terraform said; undefined where its own words are all there is. */
export const hintFor = (said: string, { environment }: Pick<Chosen, "environment">): string | undefined =>
  // Terraform breaks the lines of messages to fit into its frame.
  hints.find(([pattern]) => pattern.test(said.replaceAll(/\s*\n[│\s]*/g, " ")))?.[1](environment);
