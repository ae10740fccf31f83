import { type BastionPlace, fileOf, knownHostsOnly, loginArguments, type Reach, type SshOptions } from "./reach.ts";

/** A bastion that does not answer is named as such, by its own ssh, before the one that waits for the host gives up. In seconds. */
const BASTION_CONNECT_SECONDS = 7;
const SSH_PORT = 22;

export interface ProxyProps {
  /** Further options for the connection to a bastion, by which those of several hosts share one. @default - each has its own */
  readonly sharing?: SshOptions;
  /** A file for what the command says: ssh shows none of it while its own connection is shared. @default - ssh's standard error */
  readonly errors?: string;
}

/** The option by which ssh takes the description's own way to a host; none where that is ssh's own. */
export function proxyOption(
  reach: Reach,
  root: string,
  { sharing = {}, errors }: ProxyProps = {},
): Readonly<Record<string, string>> {
  const { proxyJump } = reach;
  const script = proxyScript(reach, root, sharing);
  if (script === undefined) return proxyJump === undefined ? {} : { ProxyJump: proxyJump };
  const told = errors === undefined ? "" : `exec 2>${inCommand(errors)}; `;
  // ssh has its shell `exec` what it is given, so that has to be one program.
  return { ProxyCommand: `sh -c ${quotedForShell(`${told}${script}`)}` };
}

function proxyScript(reach: Reach, root: string, sharing: SshOptions): string | undefined {
  if (reach.bastion !== undefined) return throughBastion(reach, root, reach.bastion, sharing);
  return reach.proxyCommand === undefined ? undefined : `cd ${inCommand(root)} && exec ${reach.proxyCommand}`;
}

/**
 * A script that connects to `%h:%p` through the bastion. Its address is looked up when the script runs, in the file where it is noted:
 * another bastion may have another one by then. The bastion is held to its keys like every host.
 */
function throughBastion(reach: Reach, root: string, { name, addressFile }: BastionPlace, sharing: SshOptions): string {
  const options: SshOptions = {
    BatchMode: "yes",
    ...knownHostsOnly(reach, root),
    HostKeyAlias: name,
    CheckHostIP: "no",
    ConnectTimeout: BASTION_CONNECT_SECONDS,
    LogLevel: "ERROR",
    ...sharing,
  };
  const words = loginArguments(reach, SSH_PORT, root, options).map(inCommand).join(" ");
  const file = inCommand(fileOf(root, addressFile));
  return `address=$(cat ${file}) && exec ssh ${words} -W %h:%p -- "$address"`;
}

/** For a POSIX shell. */
const quotedForShell = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** For the shell of a ProxyCommand, in which ssh replaces %h and its like. */
const inCommand = (word: string): string => quotedForShell(word).replaceAll("%", "%%");
