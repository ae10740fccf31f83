// @ts-check
import { readdirSync } from "node:fs";
import path from "node:path";

/**
 * The links by which systemd or a System V init would start one of these services at boot.
 *
 * @param {string} systemRoot "/" but in tests
 * @param {string[]} services
 * @returns {string[]} paths of links
 */
export function enabledServices(systemRoot, services) {
  const units = path.join(systemRoot, "etc/systemd/system");
  const wants = namesIn(units).flatMap((name) => (name.endsWith(".wants") ? linksIn(path.join(units, name)) : []));
  const runLevels = [2, 3, 4, 5].flatMap((level) => linksIn(path.join(systemRoot, `etc/rc${level}.d`)));
  return [...wants, ...runLevels].filter((link) =>
    services.some(
      (it) => path.basename(link) === `${it}.service` || new RegExp(`^S\\d+${it}$`).test(path.basename(link)),
    ),
  );
}

/** @param {string} folder */
function linksIn(folder) {
  return namesIn(folder).map((name) => path.join(folder, name));
}

/** @param {string} folder */
function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
