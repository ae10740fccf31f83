import os from "node:os";
import path from "node:path";

/** How the hosts of an environment are reached, as its description says it. Paths of files as it has them. */
export interface Reach {
  readonly user: string;
  readonly port: number;
  readonly identityFile?: string;
  readonly proxyJump?: string;
  /** Run by a shell in the checkout. */
  readonly proxyCommand?: string;
  readonly knownHostsFile: string;
  /** Where the hosts themselves say which keys they have: in Parameter Store, below this path, by address. The file is made of that. */
  readonly hostKeys?: HostKeysPlace;
  /** The machine that ssh goes through, whose address is known only when it was made. @default - none */
  readonly bastion?: BastionPlace;
}

export interface HostKeysPlace {
  readonly region: string;
  readonly path: string;
}

/** Its keys are among the hosts', under its name. */
export interface BastionPlace {
  readonly name: string;
  /** The parameter that has its address, in the region of the keys. */
  readonly addressPath: string;
  /** The file in which that is noted. */
  readonly addressFile: string;
}

/** A path of a description, made absolute: a relative one counts from the checkout, `~` is the user's home. */
export function fileOf(root: string, given: string): string {
  return path.resolve(root, given.replace(/^~(?=\/|$)/, os.homedir()));
}

export type SshOptions = Readonly<Record<string, string | number>>;

/** The options of ssh with which it talks to a host only if the description's file has its key, and adds none to it. */
export function knownHostsOnly({ knownHostsFile }: Reach, root: string): Readonly<Record<string, string>> {
  return {
    StrictHostKeyChecking: "yes",
    UserKnownHostsFile: quoted(fileOf(root, knownHostsFile)),
    GlobalKnownHostsFile: "none",
    UpdateHostKeys: "no",
  };
}

/** ssh splits a value at its spaces, also in the arguments of one option. */
export const quoted = (file: string): string => `"${file}"`;

/** The arguments of ssh that say as whom, with which key, and with which options. */
export function loginArguments(
  { user, identityFile }: Reach,
  port: number,
  root: string,
  options: SshOptions,
): string[] {
  return [
    ...Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
    ...["-l", user, "-p", `${port}`],
    ...(identityFile === undefined ? [] : ["-i", fileOf(root, identityFile), "-o", "IdentitiesOnly=yes"]),
  ];
}

/** The script that leads through Session Manager, relative to the checkout. */
export const SESSION_MANAGER = "remote/session-manager.sh";

export const isSessionManager = ({ proxyCommand }: Reach): boolean => proxyCommand?.includes(SESSION_MANAGER) ?? false;
