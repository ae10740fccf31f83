/** What a user can do about an answer that every service of AWS may give. */

/**
 * The reason in words of our own; undefined for what only one service says.
 * @param setting where the description has the region
 */
export function commonReason(error: unknown, region: string, setting: string): string | undefined {
  const { name, code } = error as Error & { code?: string };
  switch (name) {
    case "CredentialsProviderError":
      return "no AWS credentials were found; set AWS_PROFILE, or log in: aws sso login";
    case "ExpiredTokenException":
    case "ExpiredToken":
      return "the AWS credentials have expired; log in again: aws sso login";
    case "UnrecognizedClientException":
    case "InvalidClientTokenId":
    case "InvalidAccessKeyId":
    case "InvalidSignatureException":
    case "IncompleteSignatureException":
    case "SignatureDoesNotMatch":
      return `AWS in ${region} does not take these credentials (${name}); aws sts get-caller-identity shows whose they are`;
    case "ThrottlingException":
    case "TooManyUpdates":
    case "SlowDown":
      return "AWS asks for fewer requests at a time, and went on asking; run it again in a minute";
    default:
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return `no host of AWS was found for the region ${region}; check ${setting} of the environment, and the network`;
  return undefined;
}
