import { commonReason } from "../aws/common-reason.ts";

/** What a user can do about an answer of Parameter Store. */

interface Place {
  readonly region: string;
  readonly kmsKeyId?: string | undefined;
}

/**
 * The error in words of our own. The service's are left out: of a write, they may repeat the value.
 * @param action of the API, for example GetParameter
 */
export function ssmError(action: string, parameter: string, { region, kmsKeyId }: Place, error: unknown): Error {
  const { name, code } = error as Error & { code?: string };
  return new Error(`${parameter}: ${commonReason(error, region, "secrets.region (target.region)") ?? reason()}`);

  function reason(): string {
    switch (name) {
      case "AccessDeniedException":
        return (
          `these AWS credentials may not do this; allow ssm:${action} on this parameter, and kms:Encrypt and kms:Decrypt ` +
          `with its key (${kmsKeyId ?? "alias/aws/ssm"})`
        );
      case "InvalidKeyId":
        return `the KMS key ${kmsKeyId ?? "alias/aws/ssm"} cannot be used in ${region}; change secrets.kmsKeyId of the environment`;
      default:
        return `${action} failed in ${region} (${[name, code].filter(Boolean).join(", ")})`;
    }
  }
}
