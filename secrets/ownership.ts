import type { Stats } from "node:fs";

/** Who may read a file or a folder with secrets: its owner, and nobody else. */

const modes = { file: "600", folder: "700" } as const;

/**
 * @param place its path, for the error
 * @param stats of the path itself, links not followed
 * @throws when others may read or change it, when it is a link or something else than it should be, or somebody else's
 */
export function ownedAlone(place: string, stats: Stats, kind: keyof typeof modes): void {
  if (stats.isSymbolicLink())
    throw new Error(`${place} is a symbolic link, and secrets are not followed; put the ${kind} itself there`);
  if (kind === "file" ? !stats.isFile() : !stats.isDirectory()) throw new Error(`${place} is no ${kind}; move it away`);
  const user = process.getuid?.();
  if (user !== undefined && stats.uid !== user)
    throw new Error(
      `${place} belongs to the user with id ${stats.uid}, and this is ${user}: run the command as its owner, ` +
        `or, if you know that nobody else has had it: chown ${user} '${place}'`,
    );
  if ((stats.mode & 0o077) !== 0)
    throw new Error(
      `${place} has mode ${(stats.mode & 0o777).toString(8).padStart(4, "0")}: others on this computer may have read it; ` +
        `chmod ${modes[kind]} '${place}', and change its secrets if somebody has`,
    );
}
