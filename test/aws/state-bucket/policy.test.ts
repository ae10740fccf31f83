import { describe, expect, it } from "vitest";
import { isOnlyOurs, isTlsOnly, tlsOnlyPolicy, tlsOnlyStatement } from "../../../aws/state-bucket/policy.ts";

const arn = "arn:aws:s3:::states";
const ours = tlsOnlyStatement(arn);
const policy = (...statements: object[]): string => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const allow = { Effect: "Allow", Principal: { AWS: "arn:aws:iam::123456789012:root" }, Action: "s3:*", Resource: "*" };

describe("a policy denies requests without TLS", () => {
  it.each([
    ["ours", tlsOnlyPolicy(arn)],
    ["beside other statements", policy(allow, ours)],
    ["as one statement without a list", JSON.stringify({ Statement: ours })],
    ["to everybody in AWS's longer form", policy({ ...ours, Principal: { AWS: ["*"] } })],
    ["with one pattern for the bucket and all in it", policy({ ...ours, Resource: `${arn}*` })],
    ["for all resources", policy({ ...ours, Action: ["*"], Resource: "*" })],
    ["in two statements", policy({ ...ours, Resource: arn }, { ...ours, Resource: [`${arn}/*`] })],
    ["in other letters", policy({ ...ours, Condition: { BoolIfExists: { "AWS:secureTransport": [false] } } })],
  ])("%s", (_, text) => {
    expect(isTlsOnly(text, arn)).toBe(true);
  });

  it.each([
    ["it has no statement", policy()],
    ["it allows them", policy({ ...ours, Effect: "Allow" })],
    ["it denies only one principal", policy({ ...ours, Principal: { AWS: "arn:aws:iam::123456789012:root" } })],
    ["it denies only reading", policy({ ...ours, Action: "s3:GetObject" })],
    ["it denies only what is in the bucket", policy({ ...ours, Resource: `${arn}/*` })],
    ["it denies only the bucket itself", policy({ ...ours, Resource: arn })],
    ["it is about another bucket", policy(tlsOnlyStatement("arn:aws:s3:::others"))],
    ["it denies those with TLS", policy({ ...ours, Condition: { Bool: { "aws:SecureTransport": "true" } } })],
    ["it denies everything", policy({ ...ours, Condition: {} })],
    [
      "it denies less, by a second condition",
      policy({ ...ours, Condition: { ...ours.Condition, StringEquals: { "aws:PrincipalType": "User" } } }),
    ],
    [
      "it excepts some principals",
      policy({ ...ours, Principal: undefined, NotPrincipal: { AWS: "arn:aws:iam::123456789012:root" } }),
    ],
  ])("not when %s", (_, text) => {
    expect(isTlsOnly(text, arn)).toBe(false);
  });

  it("and is only ours when nothing else is in it, in whatever order AWS gives it back", () => {
    expect(isOnlyOurs(policy({ ...ours, Resource: ours.Resource.toReversed() }), arn)).toBe(true);
    expect(isOnlyOurs(policy(ours, allow), arn)).toBe(false);
    expect(isOnlyOurs(policy({ ...ours, Sid: "Theirs" }), arn)).toBe(false);
  });
});
