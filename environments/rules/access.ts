import type { Rule } from "./rule.ts";

export const certificatesWithoutTls: Rule = ({ environment: { access } }) =>
  access.clientCertificates && !access.tls
    ? [
        {
          path: "access.clientCertificates",
          message: "without TLS nobody can show a certificate; remove it, or tls: false beside it",
        },
      ]
    : [];
