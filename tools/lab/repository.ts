import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";

/** Writes `Packages`, by which apt installs the .deb files of a folder. @throws when dpkg-deb cannot read one */
export async function writeIndex(folder: string): Promise<void> {
  const entries: string[] = [];
  for (const name of fs.readdirSync(folder).sort()) {
    if (!name.endsWith(".deb")) continue;
    const file = path.join(folder, name);
    const { stdout: fields } = await execa("dpkg-deb", ["--field", file]);
    const content = fs.readFileSync(file);
    const sha256 = createHash("sha256").update(content).digest("hex");
    entries.push(`${fields.trimEnd()}\nFilename: ./${name}\nSize: ${content.length}\nSHA256: ${sha256}\n`);
  }
  fs.writeFileSync(path.join(folder, "Packages"), entries.join("\n"));
}
