import fs from "node:fs";
import path from "node:path";
import { HOST_COMMAND, HOST_PROGRAM, HOST_STATE } from "../../topology/host-places.ts";
import { installPackages } from "./apt.ts";
import { preferences, strangerIn } from "./package-origin.ts";
import { ensureFile, type HostRole, run, succeeds } from "./role.ts";

/** Debian's own units start a server of their own, on our ports, as soon as the package is installed. */
const DEBIAN_UNITS = {
  redis: ["redis-server.service", "redis-sentinel.service"],
  valkey: ["valkey-server.service", "valkey-sentinel.service"],
} as const;

function isMasked(unit: string): boolean {
  const link = `/etc/systemd/system/${unit}`;
  return fs.existsSync(link) && fs.realpathSync(link) === "/dev/null";
}

/** The engine's packages in the version of the host's release, without the services that come with them; the folder of the nodes, and the command. */
export const base: HostRole = {
  name: "base",
  ensure({ engine }, warn) {
    const done: string[] = [];
    const packages = [`${engine}-server`, `${engine}-sentinel`, `${engine}-tools`] as const;
    const release = /^VERSION_CODENAME=(\w+)$/m.exec(fs.readFileSync("/etc/os-release", "utf8"))?.[1] ?? "";
    const isNew = ensureFile("/etc/apt/preferences.d/redis-ha", preferences(packages, release));
    if (isNew) done.push(`${engine} pinned to Debian ${release}`);
    const isThere = fs.existsSync(`/usr/bin/${engine}-server`);
    if (isNew || !isThere) refuseStranger(packages, isThere, release, warn);
    const unmasked = DEBIAN_UNITS[engine].filter((unit) => !isMasked(unit));
    if (unmasked.length > 0) run("systemctl", "mask", "--now", ...unmasked);
    done.push(...unmasked.map((unit) => `Debian's ${unit} masked`));
    if (!isThere) {
      installPackages(packages);
      done.push(`${packages.join(", ")} installed`);
    }
    if (!succeeds("id", engine)) throw new Error(`user ${engine} is missing; reinstall the package ${engine}-tools`);
    if (ensureFolder(HOST_STATE, engine)) done.push(`${HOST_STATE} made`);
    if (ensureFile(HOST_COMMAND, `#!/bin/sh\nexec /usr/bin/node ${HOST_PROGRAM} "$@"\n`, 0o755))
      done.push(`${HOST_COMMAND} written`);
    return done;
  },
};

/** All three have one version. @throws when apt would install one that is not the release's; one that is there is named, and used */
function refuseStranger(
  packages: readonly [string, ...string[]],
  isThere: boolean,
  release: string,
  warn: (line: string) => void,
): void {
  const policy = (...names: string[]): string => run("env", "LC_ALL=C", "apt-cache", "policy", ...names);
  const [name] = packages;
  const found = { sources: policy(), package: policy(name) };
  const stranger = strangerIn(found, isThere ? "Installed" : "Candidate", release);
  if (stranger === undefined) return;
  const what = `${stranger}, and not Debian ${release}'s own`;
  if (isThere) return warn(`${name} is ${what}: it is used, and has not been tested`);
  throw new Error(
    `${name} would be ${what}. Nothing was installed. Remove that source and have Debian's; or, if it is what you want, ` +
      `install it yourself: apt-get install ${packages.join(" ")}`,
  );
}

/** A folder of the service user's, which nobody else may look into. @returns whether it was made or changed */
function ensureFolder(folder: string, user: string): boolean {
  const uid = Number(run("id", "--user", user));
  const gid = Number(run("id", "--group", user));
  const before = fs.statSync(folder, { throwIfNoEntry: false });
  if (before?.uid === uid && (before.mode & 0o777) === 0o700) return false;
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  if (!before) fs.mkdirSync(folder, { mode: 0o700 });
  // On a disk that comes from another machine, the user of this name had another number. No link is followed.
  if (before && before.uid !== uid) run("chown", "--no-dereference", "--recursive", `${uid}:${gid}`, folder);
  else fs.chownSync(folder, uid, gid);
  fs.chmodSync(folder, 0o700);
  return true;
}
