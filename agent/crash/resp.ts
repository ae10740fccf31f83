/** A command as the append-only file and the replication stream write it: `*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n`. */
export interface RawCommand {
  readonly start: number;
  /** First byte after it. */
  readonly end: number;
  readonly args: readonly Buffer[];
}

const STAR = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;

/**
 * The command that begins at `start`.
 * @returns undefined when it is not complete
 * @throws when there is something else than a command
 */
export function commandAt(bytes: Buffer, start: number): RawCommand | undefined {
  if (start >= bytes.length) return undefined;
  const count = numberAfter(bytes, start, STAR);
  if (!count) return undefined;
  const args: Buffer[] = [];
  let at = count.end;
  for (let index = 0; index < count.value; index++) {
    if (at >= bytes.length) return undefined;
    const length = numberAfter(bytes, at, DOLLAR);
    if (!length) return undefined;
    const end = length.end + length.value;
    if (end + 2 > bytes.length) return undefined;
    args.push(bytes.subarray(length.end, end));
    at = end + 2;
  }
  return { start, end: at, args };
}

/** `<mark><digits>\r\n`. @returns undefined when it is cut off */
function numberAfter(bytes: Buffer, start: number, mark: number): { value: number; end: number } | undefined {
  if (bytes[start] !== mark) throw new Error(`no command at byte ${start}`);
  let value = 0;
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === CR) return at + 1 < bytes.length ? { value, end: at + 2 } : undefined;
    if (byte < 0x30 || byte > 0x39) throw new Error(`no command at byte ${start}`);
    value = value * 10 + (byte - 0x30);
  }
  return undefined;
}

/** The name of a command, in lower case. */
export const nameOf = ({ args }: RawCommand): string => (args[0] ?? Buffer.alloc(0)).toString("latin1").toLowerCase();

/** What the replication stream carries and the append-only file does not. */
const streamOnly = new Set(["ping", "replconf", "publish", "spublish", "select"]);

export interface Remainder {
  /** Commands that the file has and the stream has not, in order; whole transactions only. */
  readonly commands: readonly RawCommand[];
  /** Database that the first of them is meant for, if the compared part says so. */
  readonly db: number | undefined;
}

/**
 * What an append-only file has more than a replication stream, both from the same moment on.
 *
 * Master and replica get the same commands in the same order; only what is no change of data, and the SELECT that each
 * receiver needs at other moments, stands in one alone.
 * @throws when the two do not go together, so that nothing can be said
 */
export function remainderOf(stream: Buffer, file: Buffer): Remainder {
  let inStream = 0;
  let inFile = 0;
  let db: number | undefined;
  const select = (command: RawCommand): void => {
    if (nameOf(command) === "select") db = Number(command.args[1]?.toString());
  };
  while (inStream < stream.length) {
    const sent = commandAt(stream, inStream);
    if (!sent) throw new Error("the replication stream ends inside a command");
    const written = commandAt(file, inFile);
    if (written && equal(stream, sent, file, written)) {
      select(written);
      inStream = sent.end;
      inFile = written.end;
    } else if (streamOnly.has(nameOf(sent))) {
      inStream = sent.end;
    } else if (written && nameOf(written) === "select") {
      select(written);
      inFile = written.end;
    } else if (!written) {
      // While an fsync takes its time, the server goes on and writes its file later: the replica has more than that.
      return { commands: [], db };
    } else {
      throw new Error(`the replica has a ${nameOf(sent)} where the append-only file has ${nameOf(written)}`);
    }
  }
  const commands: RawCommand[] = [];
  let whole = 0;
  let open = false;
  for (let command = commandAt(file, inFile); command; command = commandAt(file, command.end)) {
    commands.push(command);
    const name = nameOf(command);
    open = name === "multi" || (open && name !== "exec");
    if (!open) whole = commands.length;
  }
  return { commands: commands.slice(0, whole), db };
}

const equal = (a: Buffer, one: RawCommand, b: Buffer, other: RawCommand): boolean =>
  one.end - one.start === other.end - other.start && a.compare(b, other.start, other.end, one.start, one.end) === 0;
