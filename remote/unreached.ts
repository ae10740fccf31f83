import type { Reach } from "./reach.ts";

/** Where the way to a host ended. */
export type Place = "host" | "bastion";

/** The host cannot be reached or does not let us in, and nothing was sent; or it cannot be reached any more, and the message says so. */
export class Unreached extends Error {
  override name = "Unreached";

  /** @param outdated what is noted of that place, its keys or its address, may be those of a machine that another one has replaced */
  constructor(
    message: string,
    readonly at: Place = "host",
    readonly outdated = false,
  ) {
    super(message);
  }
}

/** What leads to the host is not there, a program or the bastion: nothing that one waits for. */
export class NoWay extends Unreached {
  override name = "NoWay";
}

/** Who was to be reached, as whom, and which way. */
export interface Attempt {
  /** For messages. */
  readonly name: string;
  readonly address: string;
  readonly reach: Reach;
  /** The address at which the bastion was looked for. */
  readonly bastionAddress?: string | undefined;
}

const UNKNOWN_KEY = /Host key verification failed|No \S+ host key is known/;
const OTHER_KEY = /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed/;
const NO_BANNER = /kex_exchange_identification|banner exchange|^Connection (closed|reset|to) .*port 65535/m;
/** Of our own way through Session Manager. */
const NOT_HERE = "not found on this computer";
const NOTHING = "Nothing was sent.";
/** Of one that was not there yet. */
const BEFORE_THE_BANNER = /kex_exchange_identification|banner exchange/;
/** Of a connection that was there. */
const BROKEN = /, server .* not responding|closed by remote host|client_loop|Broken pipe/;

/** What went wrong, and what to change, from what ssh says. */
export function unreached(stderr: string, attempt: Attempt): Unreached {
  const bastionSays = ofBastion(stderr, attempt);
  if (stderr.includes(NOT_HERE)) return new NoWay(ofHost(stderr, attempt));
  return bastionSays === undefined
    ? new Unreached(ofHost(stderr, attempt), "host", OTHER_KEY.test(stderr))
    : new Unreached(bastionSays, "bastion", true);
}

/** Undefined where it is not the bastion at which the way ended: its own ssh names it, and of the host it passes on what comes. */
function ofBastion(stderr: string, { name, reach, bastionAddress = "" }: Attempt): string | undefined {
  const { bastion } = reach;
  if (bastion === undefined) return undefined;
  const lines = stderr.split("\n");
  if (
    lines.some(
      (line) =>
        line.includes(`key is known for ${bastion.name} `) || line.includes(`key for ${bastion.name} has changed`),
    )
  )
    return `${name}: ${otherThanSaid("the bastion", stderr, reach, bastion.name)}`;
  const broken = lines.find((line) => BROKEN.test(line) && !BEFORE_THE_BANNER.test(line))?.trim();
  if (broken !== undefined)
    return `${name}: the connection broke (${broken}). What had begun may go on there; a step that runs again waits for it`;
  const its = lines.find((line) => line.split(/[\s@:]+/).includes(bastionAddress))?.trim();
  if (its === undefined) return undefined;
  return its.includes("Permission denied")
    ? `${name}: the bastion ${bastionAddress} does not take ${keyOf(reach)} for ${reach.user}. ${NOTHING} It takes target.publicKeys`
    : `${name}: the bastion cannot be reached: ${its}. ${NOTHING} It lets in nobody but target.bastion.cidrs`;
}

function ofHost(stderr: string, { name, address, reach }: Attempt): string {
  const { knownHostsFile, user, port, hostKeys } = reach;
  const said = stderr.trim().split("\n").at(-1) ?? "";
  if (hostKeys && (OTHER_KEY.test(stderr) || UNKNOWN_KEY.test(stderr)))
    return `${name}: ${otherThanSaid("the machine", stderr, reach, address)}`;
  if (OTHER_KEY.test(stderr)) {
    return (
      `${name}: the host's key is another one than ${knownHostsFile} has for it. ${NOTHING} If the host was set up ` +
      `anew, put its new key there, from a source that you trust; else somebody may be in between`
    );
  }
  if (UNKNOWN_KEY.test(stderr)) {
    return (
      `${name}: ${knownHostsFile} has no key for it, and an unknown host gets nothing. ${NOTHING} Put the host's key ` +
      `there, from a source that you trust (ssh-keyscan -p ${port} ${address} shows what answers now)`
    );
  }
  if (/Permission denied/.test(stderr)) {
    return (
      `${name}: the host does not take ${keyOf(reach)} ` +
      `for ${user}. ${NOTHING} Put its public half into ~${user}/.ssh/authorized_keys there, or change target.identityFile`
    );
  }
  const missing = stderr
    .split("\n")
    .find((line) => /Identity file .* not accessible|No such file or directory|not found/.test(line));
  if (missing !== undefined)
    return `${name}: what leads to it is not there: ${missing.trim()}. ${NOTHING}${missing.includes(".lab/") ? " The hosts of the lab: npm run lab up" : ""}`;
  if (/Connection refused/.test(stderr))
    return `${name}: nobody listens for ssh there (connection refused). ${NOTHING}`;
  if (NO_BANNER.test(stderr)) {
    // What leads there may have said why.
    const why = stderr.split("\n").findLast((line) => line.trim() !== "" && !NO_BANNER.test(line)) ?? said;
    return `${name}: cannot be reached: the way there ended before the host said who it is (${why.trim()}). Is it off? ${NOTHING}`;
  }
  if (/timed out|No route to host|unreachable|Could not resolve/i.test(stderr))
    return `${name}: cannot be reached: ${said}. ${NOTHING}`;
  return `${name}: ${said || "ssh ended without a word"}`;
}

/** Of a machine that says in Parameter Store which keys it has. */
function otherThanSaid(who: string, stderr: string, { hostKeys }: Reach, parameter: string): string {
  const how = OTHER_KEY.test(stderr) ? "has another key than it has said" : "shows a key that it has not said";
  return (
    `${who} ${how} in Parameter Store (${hostKeys?.path}/${parameter}). ${NOTHING} It says its keys at its first boot: when that ` +
    `is over, its console tells what went wrong (aws ec2 get-console-output --latest), and terraform apply -replace makes another machine`
  );
}

const keyOf = ({ identityFile }: Reach): string =>
  identityFile ? `the key ${identityFile}` : "any key that ssh or its agent offers";
