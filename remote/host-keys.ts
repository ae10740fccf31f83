import { readIfThere, writeAtomically } from "../agent/node-folder.ts";
import { fileOf, type HostKeysPlace, type Reach } from "./reach.ts";
import { textOfParameter } from "./parameter.ts";

export type SaidKeys = Reach & { readonly hostKeys: HostKeysPlace };

/** A line of ssh's own public key files, without its comment. */
const KEY = /^(ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa) [A-Za-z0-9+/=]+$/;

/**
 * Notes in the environment's known_hosts file which keys a machine says that it has: it writes them to Parameter Store at its first
 * boot, where no other machine's role may.
 * @param host its address, or the name of the bastion
 * @param anew ask also when the file has keys for it
 * @returns whether the file has other keys for it now; false also when it has said none yet
 * @throws when Parameter Store cannot be asked, or has something else there
 */
export async function noteHostKeys(host: string, reach: SaidKeys, root: string, anew: boolean): Promise<boolean> {
  const file = fileOf(root, reach.knownHostsFile);
  const read = (): string[] => (readIfThere(file) ?? "").split("\n").filter((line) => line !== "");
  const isIts = (line: string): boolean => line.startsWith(`${host} `);
  if (!anew && read().some(isIts)) return false;
  const said = await keysOf(host, reach);
  const its = said.map((key) => `${host} ${key}`);
  // Now, as others may have noted theirs meanwhile.
  const lines = read();
  if (its.length === 0 || JSON.stringify(its) === JSON.stringify(lines.filter(isIts))) return false;
  // Two processes at the very same moment: one loses its lines, and notes them at its next connection.
  writeAtomically(file, `${[...lines.filter((line) => !isIts(line)), ...its].join("\n")}\n`);
  return true;
}

async function keysOf(host: string, { hostKeys: { region, path } }: SaidKeys): Promise<string[]> {
  const name = `${path}/${host}`;
  const keys = ((await textOfParameter(name, region)) ?? "").split("\n").filter((line) => line !== "");
  const other = keys.find((key) => !KEY.test(key));
  if (other !== undefined)
    throw new Error(
      `${name} has something else than ssh keys, which only its machine should have written; look who did`,
    );
  return keys;
}
