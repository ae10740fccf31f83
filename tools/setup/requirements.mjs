// @ts-check
/** What this project needs on a computer: the one place where the versions stand. */

/** First Node that is accepted, and the first that is not any more. */
export const nodeVersions = { atLeast: "20.9.0", below: "23.0.0" };

/** First version of each program that is accepted. */
export const atLeast = {
  redis: "7.0.0",
  terraform: "1.11.0",
  tofu: "1.10.0",
  terragrunt: "1.1.2",
  /** The first Go that fetches the newer Go a module asks for by itself. */
  goThatFetches: "1.21.0",
};

/** The same in the words of messages. */
export const wanted = {
  node: "Node >= 20.9 and < 23",
  redis: "redis-server and redis-sentinel >= 7.0",
  terraform: "Terraform >= 1.11 or OpenTofu >= 1.10",
  terragrunt: "Terragrunt >= 1.1.2",
};

/** Distribution packages on Debian and its relatives; each carries a service of its own. */
export const redisPackages = ["redis-server", "redis-sentinel"];
