import { readIfThere } from "../agent/node-folder.ts";
import { type BastionPlace, fileOf } from "./reach.ts";

/** The address of a bastion that is noted on this computer; undefined where none is. */
export const notedAddress = ({ addressFile }: BastionPlace, root: string): string | undefined =>
  readIfThere(fileOf(root, addressFile))?.trim();
