import net from "node:net";
import { writeAtomically } from "../agent/node-folder.ts";
import { notedAddress } from "./bastion-address.ts";
import { noteHostKeys, type SaidKeys } from "./host-keys.ts";
import { textOfParameter } from "./parameter.ts";
import { type BastionPlace, fileOf } from "./reach.ts";
import { NoWay, type Place } from "./unreached.ts";

/**
 * Notes what ssh has to know before it connects to a machine: which keys it says that it has and, where it is reached through a bastion,
 * that one's, and at which address it is. Terraform says the address in Parameter Store.
 * @param anew what is asked for also when it is noted already
 * @throws when Parameter Store cannot be asked, or there is no bastion
 */
export async function noteWay(address: string, reach: SaidKeys, root: string, anew?: Place): Promise<void> {
  await noteHostKeys(address, reach, root, anew === "host");
  const { bastion } = reach;
  if (bastion === undefined) return;
  await noteHostKeys(bastion.name, reach, root, anew === "bastion");
  await noteAddress(bastion, reach, root, anew === "bastion");
}

async function noteAddress(
  bastion: BastionPlace,
  { hostKeys: { region } }: SaidKeys,
  root: string,
  anew: boolean,
): Promise<void> {
  const before = notedAddress(bastion, root);
  if (before !== undefined && !anew) return;
  const { addressPath } = bastion;
  const address = await textOfParameter(addressPath, region);
  if (address === undefined)
    throw new NoWay(`there is no bastion: ${region} has no ${addressPath}, which the apply of the network makes`);
  // It becomes an argument of ssh.
  if (!net.isIPv4(address)) throw new Error(`${addressPath} has something else than an address; look who wrote it`);
  if (address !== before) writeAtomically(fileOf(root, bastion.addressFile), `${address}\n`);
}
