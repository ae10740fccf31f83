import { createSecureContext, type SecureContext } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import type { Endpoint } from "./connection.ts";

/** As whom a server is spoken to, and over what. Left out: as nobody, in plain text. */
export interface Access {
  readonly username?: string;
  readonly password?: string;
  readonly tls?: { readonly secureContext: SecureContext };
}

/** Certificates in PEM. */
export interface TlsFiles {
  /** Whoever signed the server's certificate: nobody else is believed. */
  readonly ca: string;
  /** Our own certificate and key, for servers that ask for one. */
  readonly cert?: string;
  readonly key?: string;
}

let made: { readonly files: TlsFiles; readonly access: NonNullable<Access["tls"]> } | undefined;

/** Made once for many connections: to read keys takes longer than to connect. @throws when one cannot be read */
export function tlsAccess(files: TlsFiles): NonNullable<Access["tls"]> {
  if (!made || !isDeepStrictEqual(made.files, files))
    made = { files, access: { secureContext: createSecureContext(files) } };
  return made.access;
}

/**
 * What this process may use, by address and port. It is known once, where a process starts for a cluster, and used by each
 * of its connections: passed along instead, it would stand in the arguments of everything that asks a server anything.
 */
const known = new Map<string, Access>();

const keyOf = ({ address, port }: Endpoint): string => `${address}:${port}`;

export const accessTo = (endpoint: Endpoint): Access => known.get(keyOf(endpoint)) ?? {};

/** As whom a Sentinel that is told of a master is to ask its servers; with each master, it has to be told again. */
let ofSentinels: Access = {};

export const masterAccess = (): Access => ofSentinels;

export function useMasterAccess(access: Access): void {
  ofSentinels = access;
}

/** From now on, connections that are opened to these servers use this; those that are open stay as they are. */
export function useAccess(endpoints: readonly Endpoint[], access: Access): void {
  for (const endpoint of endpoints) known.set(keyOf(endpoint), access);
}
