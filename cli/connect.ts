import { redisEndpoint } from "../cluster/answers.ts";
import { nodeFolder, stateFolder } from "../agent/node-folder.ts";
import { tlsPaths } from "../agent/server-secrets.ts";
import type { Hosts } from "../remote/hosts.ts";
import { clientLogins, loginsIn } from "../secrets/logins.ts";
import { readyStore } from "../secrets/open-store.ts";
import { clientFile, clientKey } from "../secrets/issued.ts";
import type { TlsSet } from "../topology/node-secrets.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { clientOptions, ioredisModule } from "./client-options.ts";
import { cliOf, execute, findNode } from "./console.ts";
import { type Chosen, UsageError } from "./environment-choice.ts";
import { print, printJson, progress, quoted } from "./output.ts";
import type { ConnectFlags } from "./program.ts";

/**
 * @returns 0, or the exit code of redis-cli with --exec, or 1 when there is nothing to connect to
 * @throws UsageError for options that exclude each other
 */
export async function connect(
  chosen: Chosen,
  args: string[],
  flags: ConnectFlags,
  { root, hosts }: { root: string; hosts?: Hosts | undefined },
): Promise<number> {
  const { environment, inventory } = chosen;
  const forms = [flags.exec && "--exec", flags.ioredis && "--ioredis", flags.json && "--json"].filter(Boolean);
  if (forms.length > 1) throw new UsageError(`${forms.join(" and ")} exclude each other`);
  if ((flags.ioredis || flags.json) && args.length > 0) throw new UsageError("arguments are for redis-cli only");
  if (flags.json) {
    printJson(clientOptions(inventory, flags.replica ? "slave" : "master", await clientLogins(chosen, root)));
    return 0;
  }
  if (flags.ioredis) {
    if (flags.replica) throw new UsageError("--ioredis prints both, a client for the master and one for replicas");
    print(ioredisModule(environment, inventory, (await clientLogins(chosen, root)).tls).trimEnd());
    return 0;
  }

  const node = await findNode(chosen, hosts, flags.replica === true);
  if (!node) return 1;
  const { address, port } = redisEndpoint(node);
  const program = cliOf(inventory);
  const user = flags.user ?? (flags.replica ? "reader" : "app");
  const words = ({ authority, certificate, key }: TlsSet): string[] => [
    ...["-h", address, "-p", `${port}`, "--user", user],
    ...(inventory.tls ? ["--tls", "--cacert", authority] : []),
    ...(inventory.clientCertificates ? ["--cert", certificate, "--key", key] : []),
    ...args,
  ];
  // With --exec: whoever may read them is this node's user, and so may show what the node shows.
  const own = tlsPaths(nodeFolder(stateFolder(root), environment, node.name));
  if (!flags.exec) {
    const secrets = (verb: string): string => `npx redis-ha secrets ${verb} --env ${quoted(environment)}`;
    // For bash and its like: where the hosts are, the files are there, and none is here.
    const asFile = (verb: string): string => `<(${secrets(verb)})`;
    const shown = {
      authority: asFile("authorities"),
      certificate: asFile(`show ${clientFile}`),
      key: asFile(`show ${clientKey}`),
    };
    const asTheyAre = Object.values(shown);
    // Who copies this is a client, and shows what clients show.
    const line = [program, ...words(hosts ? shown : { ...shown, authority: own.authority })].map((word) =>
      asTheyAre.includes(word) ? word : quoted(word),
    );
    if (hosts) progress(`redis-ha: for computers that reach ${address}; with --exec it runs on ${node.name} itself`);
    print(`REDISCLI_AUTH="$(${secrets(`show users/${user}`)})" ${line.join(" ")}`);
    return 0;
  }
  const { passwords, tls } = await loginsIn(await readyStore(chosen, root), chosen, [user]);
  const password = passwords[user];
  if (!hosts) return execute(program, words(own), password);
  const files = { password, authority: tls?.authority ?? "", certificate: tls?.certificate ?? "", key: tls?.key ?? "" };
  const command = (paths: TlsSet): string => [program, ...words(paths)].map(quoted).join(" ");
  return executeOnHost(hosts, node, command, files);
}

/**
 * The password and the key go there as input, into files for this user alone: whoever looks at processes sees none. That of
 * the password is gone before redis-cli has started, the others when it has ended.
 */
async function executeOnHost(
  hosts: Hosts,
  node: TopologyNode,
  command: (paths: TlsSet) => string,
  files: Readonly<Record<"password" | keyof TlsSet, string>>,
): Promise<number> {
  const ssh = hosts.ssh(node);
  const names = Object.keys(files).join(" ");
  const lines = Object.values(files).map((text) => `${Buffer.from(text).toString("base64")}\n`);
  const { stdout, code, stderr } = await ssh.run(
    `umask 077; d=$(mktemp -d) && { for f in ${names}; do { IFS= read -r line && printf %s "$line" | base64 -d >"$d/$f"; } || { rm -rf "$d"; exit 1; }; done; echo "$d"; }`,
    { input: lines.join(""), timeoutMs: 30_000 },
  );
  if (code !== 0) throw new Error(`${node.name}: ${ssh.name}: no room for a file of its own: ${stderr.trim()}`);
  // A login shell may have said something before.
  const folder = stdout.trim().split("\n").at(-1) ?? "";
  if (!/^\/[\w./-]+$/.test(folder)) throw new Error(`${node.name}: ${ssh.name}: mktemp names no folder: ${folder}`);
  // In the environment of redis-cli alone, and not in that of what tidies up after it.
  const login = `password=$(cat ${folder}/password); rm -f ${folder}/password`;
  const paths = { authority: `${folder}/authority`, certificate: `${folder}/certificate`, key: `${folder}/key` };
  const ended = await ssh.terminal(
    `trap 'rm -rf ${folder}' EXIT HUP INT TERM; ${login}; REDISCLI_AUTH="$password" ${command(paths)}`,
  );
  // ssh itself has failed, perhaps before it was there: what it was to remove is still there.
  if (ended === SSH_FAILED) await ssh.run(`rm -rf ${folder}`, { timeoutMs: 30_000 }).catch(() => undefined);
  return ended;
}

/** The exit code of ssh when there is no connection, or none any more. */
const SSH_FAILED = 255;
