import fs from "node:fs";
import path from "node:path";
import { HOST_STATE } from "../../topology/host-places.ts";
import { type HostRole, run, succeeds } from "./role.ts";

/** Debian's own units start a server of their own, on our ports, as soon as the package is installed. */
const DEBIAN_UNITS = {
  redis: ["redis-server", "redis-sentinel"],
  valkey: ["valkey-server", "valkey-sentinel"],
} as const;

/** The engine's packages, without the services that come with them; the user and the folder of the nodes. */
export const base: HostRole = {
  name: "base",
  ensure({ engine }) {
    const done: string[] = [];
    const program = `/usr/bin/${engine}-server`;
    for (const unit of DEBIAN_UNITS[engine]) {
      const link = `/etc/systemd/system/${unit}.service`;
      if (fs.existsSync(link) && fs.realpathSync(link) === "/dev/null") continue;
      run("systemctl", "mask", "--now", `${unit}.service`);
      done.push(`Debian's ${unit}.service masked`);
    }
    if (!fs.existsSync(program)) {
      const packages = [`${engine}-server`, `${engine}-sentinel`, `${engine}-tools`];
      run("apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", ...packages);
      done.push(`${packages.join(", ")} installed`);
    }
    if (!succeeds("id", engine)) throw new Error(`user ${engine} is missing; reinstall the package ${engine}-tools`);
    if (ensureFolder(HOST_STATE, engine)) done.push(`${HOST_STATE} made`);
    return done;
  },
};

/** A folder of the service user's, which nobody else may look into. @returns whether it was made or changed */
function ensureFolder(folder: string, user: string): boolean {
  const uid = Number(run("id", "--user", user));
  const gid = Number(run("id", "--group", user));
  const before = fs.statSync(folder, { throwIfNoEntry: false });
  if (before?.uid === uid && (before.mode & 0o777) === 0o700) return false;
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  if (!before) fs.mkdirSync(folder, { mode: 0o700 });
  fs.chownSync(folder, uid, gid);
  fs.chmodSync(folder, 0o700);
  return true;
}
