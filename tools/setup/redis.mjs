// @ts-check
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { searchRedis } from "./binaries.mjs";
import { answerOf } from "./computer.mjs";
import { enabledServices, offeredRedis, redisPackages, redisPackageStates } from "./debian.mjs";
import { withLock } from "./lock.mjs";
import { cacheFolder, redisInstallMark, repositoryRoot } from "./places.mjs";
import { Interrupted, runStep } from "./run-step.mjs";
import { atLeast, isAtLeast } from "./versions.mjs";

const statusFile = "/var/lib/dpkg/status";
const inFront = path.join(repositoryRoot, "tools", "setup", "no-autostart");
const dpkgPath = `${inFront}:/usr/sbin:/usr/bin:/sbin:/bin`;

/**
 * Installs the missing ones of redis-server and redis-sentinel from the distribution's packages. What is installed here
 * is never started or enabled as a service; a package that the user has is left as it is.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<void>}
 */
export async function installRedis(env) {
  const mark = redisInstallMark(env);
  await withLock(path.join(cacheFolder(env), "locks", "redis"), async (alsoOwnedBy) => {
    const interrupted = existsSync(mark);
    const missing = await missingPackages(env);
    const staysOff = ofOurs(mark);
    if (missing.length === 0 && staysOff.every((name) => stateOf(name) === "installed")) {
      rmSync(mark, { force: true });
      return;
    }
    const aptEnv = {
      ...env,
      REDIS_STAYS_OFF: staysOff.join(" "),
      DEBIAN_FRONTEND: "noninteractive",
      NEEDRESTART_SUSPEND: "1",
      LC_ALL: "C",
    };
    await checkThatServicesStayOff(staysOff, aptEnv);
    mkdirSync(path.dirname(mark), { recursive: true, mode: 0o700 });
    writeFileSync(mark, staysOff.join("\n"));
    /** @type {(title: string, command: string, args: string[], PATH?: string) => Promise<void>} */
    const run = (title, command, args, PATH = env.PATH) =>
      runStep({
        title,
        about: "about 20 s",
        command,
        args,
        cwd: "/",
        env: { ...aptEnv, PATH },
        finish: true,
        onStart: alsoOwnedBy,
      });
    try {
      if (interrupted) {
        const configure = ["--force-confold", "--configure", "-a"];
        await run("Finishing an interrupted installation", "dpkg", configure, dpkgPath);
      }
      await install(missing.length > 0 ? missing : redisPackages, run, env);
    } finally {
      // With the mark gone, a package that the user installs later is the user's.
      if (staysOff.every((name) => ["installed", "not-installed", "config-files"].includes(stateOf(name)))) {
        rmSync(mark, { force: true });
      }
    }
    const enabled = enabledServices("/", staysOff);
    if (enabled.length > 0) {
      const names = staysOff.join(" ");
      throw new Error(
        `the services of the new packages would start at boot (${enabled[0]}). To turn them off: ` +
          `systemctl disable --now ${names}; for it in ${names}; do update-rc.d $it disable; done`,
      );
    }
    if ((await missingPackages(env)).length > 0) {
      throw new Error(`apt-get ended well, but ${(await missingPackages(env)).join(" and ")} cannot be run from PATH`);
    }
  });
}

/**
 * @param {string[]} packages
 * @param {(title: string, command: string, args: string[]) => Promise<void>} run
 * @param {NodeJS.ProcessEnv} env
 */
async function install(packages, run, env) {
  const lists = () => run("Reading the package lists", "apt-get", ["-q", "update"]);
  const known = await offeredRedis(env);
  if (!known) await lists();
  const offered = known ?? (await offeredRedis(env));
  if (!offered) throw new Error(`this system's packages have no ${packages.join(" or ")}; see apt-cache policy`);
  if (!isAtLeast(offered, atLeast.redis)) throw new Error(`this system's packages have only Redis ${offered}`);
  const title = `Installing ${packages.join(" and ")}, services kept off`;
  try {
    await run(title, "apt-get", installArguments(packages));
  } catch (error) {
    if (error instanceof Interrupted || !known) throw error;
    // Lists that are older than the archive's last change name files that are no longer there.
    await lists();
    await run(title, "apt-get", installArguments(packages));
  }
}

/** @param {string[]} packages */
function installArguments(packages) {
  const options = [`DPkg::Path=${dpkgPath}`, "DPkg::Lock::Timeout=300", "DPkg::Options::=--force-confold"];
  return ["-q", "-y", ...options.flatMap((it) => ["-o", it]), "--no-install-recommends", "install", ...packages];
}

/**
 * The packages whose services set-up answers for: those it is about to bring in, and those of a run that was killed.
 *
 * @param {string} mark
 */
function ofOurs(mark) {
  const before = existsSync(mark) ? readFileSync(mark, "utf8").split("\n") : [];
  return redisPackages.filter(
    (name) => before.includes(name) || ["not-installed", "config-files"].includes(stateOf(name)),
  );
}

/** @param {string} name */
function stateOf(name) {
  const status = existsSync(statusFile) ? readFileSync(statusFile, "utf8") : "";
  return redisPackageStates(status).get(name) ?? "not-installed";
}

/** @param {NodeJS.ProcessEnv} env */
async function missingPackages(env) {
  const [server, sentinel] = await Promise.all([searchRedis("redis-server", env), searchRedis("redis-sentinel", env)]);
  return [...(server.found ? [] : ["redis-server"]), ...(sentinel.found ? [] : ["redis-sentinel"])];
}

/**
 * Asks the question that a package asks, and expects our answer: on a file system mounted without "exec", say, dpkg
 * would run Debian's own tool instead.
 *
 * @param {string[]} staysOff
 * @param {NodeJS.ProcessEnv} env
 */
async function checkThatServicesStayOff(staysOff, env) {
  const question = 'deb-systemd-helper --quiet was-enabled "$1.service" || echo kept off';
  for (const name of staysOff) {
    const answer = await answerOf("/bin/sh", ["-c", question, "sh", name], { ...env, PATH: dpkgPath });
    if (answer?.trim() !== "kept off") {
      throw new Error(
        `${inFront}: its scripts cannot be run, and without them Debian would start services of its own. ` +
          `Install the packages yourself: apt-get install ${staysOff.join(" ")}`,
      );
    }
  }
}
