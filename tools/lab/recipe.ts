/** What is in the hosts of a lab. Whatever is changed here makes new images; nothing else has to be told. */

/** `bare`: Debian with sshd; `packages`: the servers, their tools and Node as well. */
export const images = ["packages", "bare"] as const;
export type Image = (typeof images)[number];

/** Code names of Debian. */
export const releases = ["trixie", "bookworm"] as const;
export type Release = (typeof releases)[number];

/** Where a host finds the packages that it can install: it has no route to a mirror. */
export const repository = "/opt/packages";
/** The user of every host, with this id and sudo without a password. */
export const admin = { name: "admin", id: 1000 };

const bare = [
  "ca-certificates",
  "curl",
  "dbus",
  "e2fsprogs",
  "iproute2",
  "iptables",
  "openssh-server",
  "python3",
  "sudo",
  "systemd",
  "systemd-sysv",
];
const servers: Readonly<Record<Release, readonly string[]>> = {
  trixie: ["redis", "valkey"],
  bookworm: ["redis"],
};

export interface Recipe {
  /** What is installed on a bare host. */
  readonly bare: readonly string[];
  /** What `packages` adds, and a bare host can install from its repository. */
  readonly packages: readonly string[];
  /** Run by sh in the bare root, when it is installed and its repository is in place. */
  readonly prepare: string;
  /** Run by sh in a copy of it, without a network, with the names of the packages as its arguments. */
  readonly install: string;
}

/** What makes the images of a release. */
export function recipeOf(release: Release): Recipe {
  const units = servers[release].flatMap((server) => [`${server}-server`, `${server}-sentinel`]);
  return {
    bare,
    packages: [...units, ...servers[release].map((server) => `${server}-tools`), "nodejs", "faketime", "libfaketime"],
    // Keys and machine-id are each host's own. Debian's apt timers would hold the lock of apt at times of their own.
    prepare: `
      set -e
      umask 022
      useradd --create-home --shell /bin/bash --uid ${admin.id} ${admin.name}
      echo '${admin.name} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/${admin.name}
      rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id /etc/resolv.conf
      : >/etc/machine-id
      : >/etc/resolv.conf
      systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer
      rm -f /etc/apt/sources.list.d/*
      echo 'deb [trusted=yes] file:${repository} ./' >/etc/apt/sources.list
      rm -rf /var/lib/apt/lists/*
      apt-get -qq update`,
    // The old start scripts of the packages would start the servers on the computer that builds this.
    install: `
      set -e
      umask 022
      printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
      chmod 755 /usr/sbin/policy-rc.d
      DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$@"
      rm /usr/sbin/policy-rc.d
      systemctl --quiet disable ${units.join(" ")}
      systemctl --quiet mask ${units.join(" ")}
      apt-get clean`,
  };
}
