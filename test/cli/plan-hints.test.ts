import { expect, it } from "vitest";
import { hintFor } from "../../cli/plan-hints.ts";

const prod = { environment: "prod" };

/** Terraform's words as it prints them, broken to fit into its frame. */
it.each([
  [
    'Error: AWS account ID not allowed: 555566667777\n│ \n│   with provider["registry.terraform.io/hashicorp/aws"],',
    "target.accountId names in environments/prod.ts: correct it, or AWS_PROFILE",
  ],
  [
    'Error: Failed to get existing workspaces: S3 bucket\n│ "redis-ha-state-555566667777" does not exist.',
    "npx redis-ha state init --env prod makes it",
  ],
  ["│ Error: No valid credential\n│ sources found", "set AWS_PROFILE"],
  ["Error: Backend configuration changed", "docs/operations.md has how they are moved"],
  ["│ Error: Unable to find remote\n│ state", "npx cdktf deploy prod-network prod-foundation"],
  [
    '│ Error: Missing map\n│ element\n│ This map does not have an element with the key "bastion_security_group_id"',
    "npx cdktf deploy prod-network prod-foundation",
  ],
])("%s", (said, hint) => {
  expect(hintFor(said, prod)).toContain(hint);
});

it("has nothing to add to other words", () => {
  expect(hintFor("Error: Invalid index", prod)).toBeUndefined();
});
