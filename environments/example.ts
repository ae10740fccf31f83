/** What the examples of environments on AWS have in the place of what is the user's own. */
export const example = {
  /** AWS uses it in examples, and gives it to nobody. */
  accountId: "123456789012",
  imageId: "ami-0123456789abcdef0",
  /** The part of a public key that is nobody's: its private half was thrown away. */
  publicKey: "AAAAC3NzaC1lZDI1NTE5AAAAIHrQJ7AO6nVZJdZd5cqGcgV5hinmtpCP9Vjq1luq3OCf",
} as const;
