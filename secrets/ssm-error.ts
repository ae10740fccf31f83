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
  return new Error(`${parameter}: ${reason()}`);

  function reason(): string {
    switch (name) {
      case "CredentialsProviderError":
        return "no AWS credentials were found; set AWS_PROFILE, or log in: aws sso login";
      case "ExpiredTokenException":
      case "ExpiredToken":
        return "the AWS credentials have expired; log in again: aws sso login";
      case "UnrecognizedClientException":
      case "InvalidClientTokenId":
      case "InvalidSignatureException":
      case "IncompleteSignatureException":
        return `AWS in ${region} does not take these credentials (${name}); aws sts get-caller-identity shows whose they are`;
      case "AccessDeniedException":
        return (
          `these AWS credentials may not do this; allow ssm:${action} on this parameter, and kms:Encrypt and kms:Decrypt ` +
          `with its key (${kmsKeyId ?? "alias/aws/ssm"})`
        );
      case "InvalidKeyId":
        return `the KMS key ${kmsKeyId ?? "alias/aws/ssm"} cannot be used in ${region}; change secrets.kmsKeyId of the environment`;
      case "ThrottlingException":
      case "TooManyUpdates":
        return "AWS asks for fewer requests at a time, and went on asking; run it again in a minute";
      default:
    }
    if (code === "ENOTFOUND" || code === "EAI_AGAIN")
      return `no host of AWS was found for the region ${region}; check secrets.region (target.region) of the environment, and the network`;
    return `${action} failed in ${region} (${[name, code].filter(Boolean).join(", ")})`;
  }
}
