import { expect, it } from "vitest";
import { strangerIn } from "../../../agent/roles/package-origin.ts";
import { explainApt } from "../../../agent/roles/apt.ts";

/** As apt 2.6 prints it, with the sources that hosts have. */
const sources = `Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 file:/opt/packages ./ Packages
     release c=
 500 https://packages.example.org/deb bookworm/main amd64 Packages
     release o=Example,a=stable,n=bookworm,l=Example,c=main,b=amd64
     origin packages.example.org
 100 http://deb.debian.org/debian bookworm-backports/main amd64 Packages
     release o=Debian Backports,a=stable-backports,n=bookworm-backports,l=Debian Backports,c=main,b=amd64
     origin deb.debian.org
 500 http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
     release v=12,o=Debian,a=oldstable-security,n=bookworm-security,l=Debian-Security,c=main,b=amd64
     origin deb.debian.org
 500 http://deb.debian.org/debian trixie/main amd64 Packages
     release v=13.1,o=Debian,a=stable,n=trixie,l=Debian,c=main,b=amd64
     origin deb.debian.org
Pinned packages:
`;
const table = (installed: string, candidate: string) => `redis-server:
  Installed: ${installed}
  Candidate: ${candidate}
  Version table:
     6:8.2.0 500
        500 https://packages.example.org/deb bookworm/main amd64 Packages
     5:8.0.2 500
        500 http://deb.debian.org/debian trixie/main amd64 Packages
     5:7.2.0~bpo12 100
        100 http://deb.debian.org/debian bookworm-backports/main amd64 Packages
     5:7.0.16 500
        500 file:/opt/packages ./ Packages
 *** 5:7.0.15 500
        500 https://packages.example.org/deb bookworm/main amd64 Packages
        500 http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
        100 /var/lib/dpkg/status
     5:7.0.1 100
        100 /var/lib/dpkg/status
`;

it.each([
  ["the release's, even if somebody else has it too", "5:7.0.15", undefined],
  ["a folder of packages of the operator's", "5:7.0.16", undefined],
  ["none", "(none)", undefined],
  ["somebody else's", "6:8.2.0", "6:8.2.0 from https://packages.example.org/deb bookworm/main amd64 Packages"],
  ["another release's", "5:8.0.2", "5:8.0.2 from http://deb.debian.org/debian trixie/main amd64 Packages"],
  ["backports", "5:7.2.0~bpo12", /^5:7\.2\.0~bpo12 from \S+ bookworm-backports/],
  ["installed by hand", "5:7.0.1", "5:7.0.1 from no source that apt knows"],
])("a version that is %s", (_, version, expected) => {
  for (const which of ["Installed", "Candidate"] as const) {
    const other = "5:7.0.15";
    const policy = which === "Installed" ? table(version, other) : table(other, version);
    const stranger = strangerIn({ sources, package: policy }, which, "bookworm");
    if (expected instanceof RegExp) expect(stranger).toMatch(expected);
    else expect(stranger).toBe(expected);
  }
});

it.each([
  ["dpkg: error processing archive x.deb: No space left on device", "the disk is full"],
  ["E: You don't have enough free space in /var/cache/apt/archives/.", "the disk is full"],
  ["W: Failed to fetch http://deb.debian.org/x  Could not connect to deb.debian.org:80", "does not answer"],
  ["E: Unable to locate package valkey-server", "add Debian's own source"],
  ["E: Could not get lock /var/lib/dpkg/lock-frontend.", "another apt runs"],
])("apt said: %s", (words, advice) => {
  const explained = explainApt(
    `Reading package lists...\n${words}\nE: Sub-process /usr/bin/dpkg returned an error code (1)`,
  );
  expect(explained.split("\n")[0]).toBe(words);
  expect(explained).toContain(advice);
});
