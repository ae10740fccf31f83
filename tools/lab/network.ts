import { batch } from "../../drill/netns.ts";
import { controlAddress, type HostRecord, type LabRecord, network } from "./records.ts";

/**
 * Makes the namespaces of a lab: one with a bridge for the clients, and one a host with a cable (veth) to it. The
 * computer has no interface in there, and there is no route: no packet leaves the lab.
 */
export function makeNetwork({ control, hosts }: LabRecord): void {
  batch([], ...[control, ...hosts.map(({ namespace }) => namespace)].map((name) => `netns add ${name}`));
  batch(
    ["-n", control],
    "link set lo up",
    "link add bridge type bridge",
    `address add ${controlAddress}/24 dev bridge`,
    "link set bridge up",
    ...hosts.flatMap(({ name, namespace }) => [
      `link add ${name} type veth peer name host0 netns ${namespace}`,
      `link set ${name} master bridge up`,
    ]),
  );
  for (const { address, namespace } of hosts) plugIn(namespace, address);
}

/** @param address without the length of its prefix */
function plugIn(namespace: string, address: string): void {
  batch(["-n", namespace], "link set lo up", `address add ${address}/24 dev host0`, "link set host0 up");
}

/** The command line that runs a command in a network namespace; everything else of it is the computer's. */
export const inNamespace = (namespace: string, command: readonly string[]): string[] => [
  "nsenter",
  `--net=/run/netns/${namespace}`,
  "--",
  ...command,
];

/** What `/etc/hosts` says on every host: nobody answers for names in a lab. */
export const hostsFile = (hosts: readonly HostRecord[]): string =>
  ["127.0.0.1 localhost", `${network}.1 control`, ...hosts.map(({ address, name }) => `${address} ${name}`), ""].join(
    "\n",
  );
