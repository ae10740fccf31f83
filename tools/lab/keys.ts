import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { admin } from "./recipe.ts";
import type { HostRecord, LabRecord } from "./records.ts";

/** The private key by which admin and root of every host of a lab are reached. */
export const clientKey = (folder: string): string => path.join(folder, "id_ed25519");
export const sshConfig = (folder: string): string => path.join(folder, "ssh_config");
const hostKeyName = "ssh_host_ed25519_key";

const makeKey = (file: string, comment: string) =>
  execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file]);

export const makeClientKey = (folder: string) => makeKey(clientKey(folder), "lab");

/** Made here and not on the host, so that it is known before anybody connects. */
export const makeHostKey = (folder: string, { name }: HostRecord) => makeKey(path.join(folder, hostKeyName), name);

/** For ssh from this computer, as ProxyCommand with address and port: goes on in the namespace, where the hosts are. */
const wayIn = (control: string): string => `#!/bin/sh
exec nsenter --net=/run/netns/${control} -- node -e '
  const socket = require("net").connect(process.argv[2], process.argv[1]);
  socket.on("error", ({ message }) => { console.error(message); process.exit(1); });
  process.stdin.pipe(socket).pipe(process.stdout);
' "$1" "$2"
`;

/** Writes `known_hosts`, `ssh_config` and the way in of a lab whose hosts have their keys. */
export function writeClientFiles({ folder, control, hosts }: LabRecord): void {
  const known = hosts.map(({ name, address, folder: own }) => {
    const key = fs.readFileSync(path.join(own, "root/etc/ssh", `${hostKeyName}.pub`), "utf8");
    return `${name},${address} ${key}`;
  });
  fs.writeFileSync(path.join(folder, "known_hosts"), known.join(""), { mode: 0o600 });
  fs.writeFileSync(path.join(folder, "way-in"), wayIn(control), { mode: 0o700 });
  const lines = [
    ...hosts.flatMap(({ name, address }) => [`Host ${name}`, `  HostName ${address}`]),
    "Host *",
    `  User ${admin.name}`,
    `  IdentityFile "${clientKey(folder)}"`,
    "  IdentitiesOnly yes",
    `  UserKnownHostsFile "${path.join(folder, "known_hosts")}"`,
    "  GlobalKnownHostsFile /dev/null",
    "  StrictHostKeyChecking yes",
    "  BatchMode yes",
    "  ConnectTimeout 5",
    "",
  ];
  fs.writeFileSync(sshConfig(folder), lines.join("\n"), { mode: 0o600 });
}
