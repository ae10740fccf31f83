/** Rules of a bucket policy; pure. */

type Text = string | readonly string[] | undefined;

interface Statement {
  readonly Sid?: string;
  readonly Effect?: string;
  readonly Principal?: string | { readonly AWS?: Text };
  readonly Action?: Text;
  readonly Resource?: Text;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Denies every request that is not encrypted on its way. */
export const tlsOnlyStatement = (arn: string) => ({
  Sid: "TlsOnly",
  Effect: "Deny",
  Principal: "*",
  Action: "s3:*",
  Resource: [arn, `${arn}/*`],
  Condition: { Bool: { "aws:SecureTransport": "false" } },
});

export const tlsOnlyPolicy = (arn: string): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: [tlsOnlyStatement(arn)] });

/** Whether that is all that a policy says; AWS may have put it in another order. */
export function isOnlyOurs(policy: string, arn: string): boolean {
  const statements = statementsOf(policy);
  return statements.length === 1 && statements[0]?.Sid === tlsOnlyStatement(arn).Sid && isTlsOnly(policy, arn);
}

/** Whether a policy denies that for all, for everything, and for the bucket as well as for what is in it. */
export function isTlsOnly(policy: string, arn: string): boolean {
  const resources = statementsOf(policy)
    .filter(deniesPlainText)
    .flatMap((statement) => texts(statement.Resource));
  const covered = (wanted: readonly string[]): boolean => resources.some((resource) => wanted.includes(resource));
  return covered([arn, `${arn}*`, "*"]) && covered([`${arn}/*`, `${arn}*`, "*"]);
}

function statementsOf(policy: string): Statement[] {
  const { Statement = [] } = JSON.parse(policy) as { Statement?: Statement | Statement[] };
  return [Statement].flat();
}

function deniesPlainText({ Effect, Principal, Action, Condition = {} }: Statement): boolean {
  const everybody = Principal === "*" || (typeof Principal === "object" && texts(Principal.AWS).includes("*"));
  const everything = texts(Action).some((action) => action === "*" || action.toLowerCase() === "s3:*");
  return Effect === "Deny" && everybody && everything && isWithoutTls(Condition);
}

/** That condition and no other: with a second one, less would be denied. */
function isWithoutTls(condition: NonNullable<Statement["Condition"]>): boolean {
  const [test, ...more] = Object.entries(condition).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, value]) => ({ operator, key, value })),
  );
  return (
    test !== undefined &&
    more.length === 0 &&
    ["Bool", "BoolIfExists"].includes(test.operator) &&
    test.key.toLowerCase() === "aws:securetransport" &&
    [test.value].flat().map(String).join() === "false"
  );
}

const texts = (value: Text): readonly string[] => (value === undefined ? [] : [value].flat());
