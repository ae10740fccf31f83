import { X509Certificate } from "node:crypto";
import type { Redis } from "ioredis";
import { loadedUsersDiffer } from "../cluster/acl.ts";
import { shownCertificate, Unreachable, withConnection } from "../cluster/connection.ts";
import { daysUntil, firstToExpire, LEAST_DAYS, nameOf } from "../secrets/certificates.ts";
import { parseAcl } from "../topology/acl-file.ts";
import type { TlsSet } from "../topology/node-secrets.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { PATIENT_MS } from "./live.ts";
import { type NodeFolder, readIfThere } from "./node-folder.ts";
import { readShare } from "./secrets.ts";
import { endpointOf, type ServerName } from "./server.ts";
import { aclFile, hasRead, serverSecrets } from "./server-secrets.ts";

/** Looks at what running servers have of a node's users and certificate. Changes nothing. */

/**
 * Whether the users of a node's running server, and of the file with which it starts again, are as they should be.
 * @returns what is wrong, in words; nothing while the server does not answer, or the node has no share
 */
export async function usersDiffer(server: ServerName, spec: NodeSpec, folder: NodeFolder): Promise<string[]> {
  const secrets = await serverSecrets(server, spec, folder).catch(() => undefined);
  if (!secrets) return [];
  const wanted = parseAcl(secrets.acl);
  const loaded = await withConnection(
    endpointOf(server, spec.node),
    (redis) => loadedUsersDiffer(redis, wanted),
    PATIENT_MS,
  ).catch(() => []);
  return [
    ...(readIfThere(aclFile(folder, server)) === secrets.acl ? [] : [`${aclFile(folder, server)} differs`]),
    ...loaded.map((user) => `user ${user}`),
  ];
}

/**
 * Whether a node's running server shows the certificate that the node was given, and for how long that is valid.
 * @returns what is wrong, in words; nothing where there is no TLS. One that does not answer is somebody else's to name
 */
export async function certificateProblems(server: ServerName, spec: NodeSpec, folder: NodeFolder): Promise<string[]> {
  const tls = readShare(folder)?.tls;
  if (!tls) return [];
  const first = firstToExpire(tls);
  const { validTo } = first;
  const own = first.fingerprint256 === new X509Certificate(tls.certificate).fingerprint256;
  const days = daysUntil(validTo);
  const other = await withConnection(endpointOf(server, spec.node), (redis) =>
    Promise.resolve(showsAnother(redis, tls)),
  ).catch(() => false);
  return [
    ...(days < LEAST_DAYS
      ? [
          `${own ? "its certificate" : `${nameOf(first.subject)}, above its certificate,`} ` +
            `${days < 0 ? "has expired" : "expires"} on ${validTo}`,
        ]
      : []),
    ...(other ? [`${server} shows another certificate than the node was given`] : []),
    ...(hasRead(server, folder, tls) ? [] : [`${server} has not read the authorities that the node was given`]),
  ];
}

/** Is it another certificate that the server on the other side has shown? */
function showsAnother(redis: Redis, { certificate }: TlsSet): boolean {
  return shownCertificate(redis)?.fingerprint256 !== new X509Certificate(certificate).fingerprint256;
}

/** Whether a node's running server has to read again what it shows, or whom it believes. */
export const isStale = (redis: Redis, server: ServerName, folder: NodeFolder, tls: TlsSet): boolean =>
  showsAnother(redis, tls) || !hasRead(server, folder, tls);

/** When the certificate that a node was given has expired; undefined while it is valid. */
export function hasExpired(folder: NodeFolder): string | undefined {
  const tls = readShare(folder)?.tls;
  const validTo = tls && firstToExpire(tls).validTo;
  return validTo !== undefined && Date.parse(validTo) < Date.now() ? validTo : undefined;
}

/** Whether a node's running server shows a certificate that has expired. */
export const showsExpired = (server: ServerName, { node }: NodeSpec): Promise<boolean> =>
  withConnection(endpointOf(server, node), () => Promise.resolve(false), PATIENT_MS).catch(
    (error: Error) => error instanceof Unreachable && error.expired,
  );
