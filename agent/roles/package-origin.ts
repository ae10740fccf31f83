/** What `apt-cache policy` prints: without a package about all sources, and about one package. */
export interface Policy {
  readonly sources: string;
  readonly package: string;
}

/**
 * Whether a version of a package is another one than that of Debian's release.
 *
 * A source that names no origin, as a folder of packages, is the operator's own and counts as right.
 * @param which the version that is installed, or the one that apt would install
 * @param codename of the release, such as `trixie`
 * @returns the version and where it comes from, in words; undefined when it is the release's, or when there is none
 */
export function strangerIn(policy: Policy, which: "Installed" | "Candidate", codename: string): string | undefined {
  const version = new RegExp(`^ +${which}: (\\S+)$`, "m").exec(policy.package)?.[1];
  if (version === undefined || version === "(none)") return undefined;
  const origins = originsIn(policy.sources);
  const places = placesOf(version, policy.package).filter((place) => place !== "/var/lib/dpkg/status");
  const releases = [codename, `${codename}-security`, `${codename}-updates`];
  const isRight = (place: string): boolean => {
    const { o, n } = origins.get(place) ?? {};
    return o === undefined ? n === undefined : o === "Debian" && releases.includes(n ?? "");
  };
  if (places.some(isRight)) return undefined;
  return `${version} from ${places.join(", ") || "no source that apt knows"}`;
}

/** `http://... trixie/main amd64 Packages` -> its release's fields, by their letters. */
function originsIn(sources: string): Map<string, Record<string, string>> {
  const origins = new Map<string, Record<string, string>>();
  for (const [, place = "", fields = ""] of sources.matchAll(/^ *-?\d+ (.+)\n +release (.*)$/gm)) {
    const found = [...fields.matchAll(/(?:^|,)(\w)=([^,]+)/g)];
    origins.set(place, Object.fromEntries(found.map(([, letter = "", value = ""]) => [letter, value])));
  }
  return origins;
}

/** The lines below one version in the version table. */
function placesOf(version: string, policy: string): string[] {
  const lines = policy.split("\n");
  const start = lines.findIndex((line) => /^ (\*\*\*| {3}) /.test(line) && line.slice(5).split(" ")[0] === version);
  const below = lines.slice(start + 1);
  const end = below.findIndex((line) => !/^ {8}/.test(line));
  return below.slice(0, end < 0 ? undefined : end).map((line) => line.trim().replace(/^-?\d+ /, ""));
}

/**
 * apt's preferences, by which the release's own version of the packages wins over a higher one from elsewhere, now and at each
 * upgrade of the host.
 */
export const preferences = (packages: readonly string[], codename: string): string =>
  [codename, `${codename}-security`, `${codename}-updates`]
    .map((release) => `Package: ${packages.join(" ")}\nPin: release o=Debian,n=${release}\nPin-Priority: 990\n`)
    .join("\n");
