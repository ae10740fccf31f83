import { onPath } from "../setup/computer.mjs";

/** What a lab calls, by the package of Debian that has it. */
const tools: Readonly<Record<string, readonly string[]>> = {
  debootstrap: ["debootstrap"],
  "systemd-container": ["systemd-nspawn"],
  iproute2: ["ip"],
  "openssh-client": ["ssh", "ssh-keygen"],
  "util-linux": ["nsenter", "setpriv", "unshare"],
  mount: ["mount", "umount"],
};

/** Why no lab can be made on this computer, with what to do about it; undefined when one can. */
export function whyNoLab(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (process.platform !== "linux") return "a lab's hosts are Linux containers: run it on Linux";
  if (process.getuid?.() !== 0) {
    return "only root can make a lab's namespaces and mounts: run it as root (the computer's own network is not touched)";
  }
  const missing = Object.entries(tools).flatMap(([name, programs]) =>
    programs.every((program) => onPath(program, env).length > 0) ? [] : [name],
  );
  if (missing.length === 0) return undefined;
  return `a lab needs programs that are not here: apt-get install --no-install-recommends ${missing.join(" ")}`;
}
