import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { scratch } from "./places.ts";

/** Runs openssl in a folder in which these files are. @returns what it printed, both streams; throws when it fails */
export async function openssl(files: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
  const cwd = scratch();
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(cwd, name), text);
  const { all } = await execa("openssl", args, { cwd, all: true });
  return all;
}

export interface Made {
  readonly certificate: string;
  readonly key: string;
}

/** Something that another program has made: signed by itself, or by `issuer`. @param extensions lines of openssl's configuration */
export async function opensslCertificate(
  name: string,
  extensions: readonly string[],
  issuer?: Made,
  algorithm: readonly string[] = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
  days = 30,
): Promise<Made> {
  const cwd = scratch();
  const [at, read] = [
    (file: string) => path.join(cwd, file),
    (file: string) => fs.readFileSync(path.join(cwd, file), "utf8"),
  ];
  if (issuer) {
    fs.writeFileSync(at("issuer.crt"), issuer.certificate);
    fs.writeFileSync(at("issuer.key"), issuer.key);
  }
  fs.writeFileSync(at("ext.cnf"), extensions.join("\n"));
  const subject = ["-subj", `/CN=${name}`];
  await execa(
    "openssl",
    ["req", "-new", "-nodes", "-newkey", ...algorithm, ...subject, "-keyout", "key", "-out", "csr"],
    { cwd },
  );
  const signer = issuer ? ["-CA", "issuer.crt", "-CAkey", "issuer.key", "-CAcreateserial"] : ["-signkey", "key"];
  await execa(
    "openssl",
    ["x509", "-req", "-in", "csr", "-days", `${days}`, "-extfile", "ext.cnf", ...signer, "-out", "crt"],
    { cwd },
  );
  return { certificate: read("crt"), key: read("key") };
}
