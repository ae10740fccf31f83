import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { searchGo } from "../../../tools/setup/binaries.mjs";
import { withLock } from "../../../tools/setup/lock.mjs";
import { cacheFolder } from "../../../tools/setup/places.mjs";
import { runStep } from "../../../tools/setup/run-step.mjs";
import { pythonProgram } from "../moto.ts";

/** The sources' place, and in the cache the built program's. */
const source = fileURLToPath(new URL("plugin", import.meta.url));
const cached = path.join(cacheFolder(process.env), "session-manager-plugin");

/**
 * A folder for PATH with AWS's own command line, from PyPI, and its own plug-in for Session Manager, built with Go: once a user, in
 * about 2 minutes on 2 cores.
 * @throws where they cannot be had; the message says why
 */
export async function awsPrograms(): Promise<string> {
  const aws = await pythonProgram("aws");
  await withLock(path.join(cacheFolder(process.env), "locks", "session-manager-plugin"), async (onStart) => {
    const target = path.join(cached, "session-manager-plugin");
    fs.mkdirSync(cached, { recursive: true });
    // Anew each time: another version of it is in another folder.
    fs.rmSync(path.join(cached, "aws"), { force: true });
    fs.symlinkSync(aws, path.join(cached, "aws"));
    if (fs.existsSync(target)) return;
    const go = await searchGo(process.env);
    if (!go.found) throw new Error("AWS's plug-in for Session Manager needs Go to be built; https://go.dev/dl has it");
    const main = "github.com/aws/session-manager-plugin/src/sessionmanagerplugin-main";
    await runStep({
      title: "Building AWS's plug-in for Session Manager",
      about: "about 2 minutes on 2 cores",
      command: go.found.path,
      args: ["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", `${target}.new`, main],
      cwd: source,
      env: { ...process.env, GOWORK: "off", GOFLAGS: "-mod=readonly", CGO_ENABLED: "0" },
      onStart,
    });
    fs.renameSync(`${target}.new`, target);
  });
  return cached;
}
