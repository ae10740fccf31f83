import { spawn } from "node:child_process";
import { redisEndpoint, sameEndpoint } from "../cluster/answers.ts";
import { viewFrom } from "../cluster/look.ts";
import { nodeFolder, stateFolder } from "../agent/node-folder.ts";
import { tlsPaths } from "../agent/server-secrets.ts";
import type { Hosts } from "../remote/hosts.ts";
import { type ClusterView, lagBehind, summary } from "../cluster/view.ts";
import { clientLogins, loginsIn } from "../secrets/logins.ts";
import { readyStore } from "../secrets/open-store.ts";
import { clientFile, clientKey } from "../secrets/issued.ts";
import type { TlsSet } from "../topology/node-secrets.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { clientOptions, ioredisModule } from "./client-options.ts";
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

  const view = await viewFrom(chosen, hosts);
  const found = flags.replica ? replicaOf(view) : masterOf(view);
  if (found.warning) progress(`redis-ha: warning: ${found.warning}`);
  if (!found.node) {
    progress(
      `redis-ha: no ${flags.replica ? "replica" : "master"} to connect to. ${summary(view)}. What is wrong, and what mends it: npx redis-ha verify --env ${environment}`,
    );
    return 1;
  }
  const { address, port } = redisEndpoint(found.node);
  const program = inventory.engine === "valkey" ? "valkey-cli" : "redis-cli";
  const user = flags.user ?? (flags.replica ? "reader" : "app");
  const words = ({ authority, certificate, key }: TlsSet): string[] => [
    ...["-h", address, "-p", `${port}`, "--user", user],
    ...(inventory.tls ? ["--tls", "--cacert", authority] : []),
    ...(inventory.clientCertificates ? ["--cert", certificate, "--key", key] : []),
    ...args,
  ];
  // Whoever may read them is this node's user, and so may show what the node shows.
  const own = tlsPaths(nodeFolder(stateFolder(root), environment, found.node.name));
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
    const line = [program, ...words(hosts ? shown : own)].map((word) =>
      asTheyAre.includes(word) ? word : quoted(word),
    );
    print(`REDISCLI_AUTH="$(${secrets(`show users/${user}`)})" ${line.join(" ")}`);
    return 0;
  }
  const { passwords, tls } = await loginsIn(await readyStore(chosen, root), chosen, [user]);
  const password = passwords[user];
  if (!hosts) return execute(program, words(own), password);
  const files = { password, authority: tls?.authority ?? "", certificate: tls?.certificate ?? "", key: tls?.key ?? "" };
  const command = (paths: TlsSet): string => [program, ...words(paths)].map(quoted).join(" ");
  return executeOnHost(hosts, found.node, command, files);
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
  const login = `REDISCLI_AUTH=$(cat ${folder}/password); rm -f ${folder}/password; export REDISCLI_AUTH`;
  const paths = { authority: `${folder}/authority`, certificate: `${folder}/certificate`, key: `${folder}/key` };
  const ended = await ssh.terminal(`trap 'rm -rf ${folder}' EXIT HUP INT TERM; ${login}; ${command(paths)}`);
  // ssh itself has failed, perhaps before it was there: what it was to remove is still there.
  if (ended === SSH_FAILED) await ssh.run(`rm -rf ${folder}`, { timeoutMs: 30_000 }).catch(() => undefined);
  return ended;
}

/** The exit code of ssh when there is no connection, or none any more. */
const SSH_FAILED = 255;

interface Found {
  readonly node?: TopologyNode;
  readonly warning?: string;
}

/** Whom a Sentinel quorum names; without a quorum the only server that says that it is master, with a warning. */
export function masterOf(view: ClusterView): Found {
  if (view.master) {
    const answer = view.nodes.find(({ node }) => node.name === view.master?.name)?.redis;
    const warning = answer?.state ? undefined : `${view.master.name} is named as master but does not answer`;
    return { node: view.master, warning };
  }
  const masters = view.nodes.filter(({ redis }) => redis?.state?.role === "master");
  const [only] = masters;
  if (masters.length !== 1 || !only) return {};
  return {
    node: only.node,
    warning: `no quorum of Sentinels names a master; ${only.node.name} is the only server that says that it is one`,
  };
}

/** The replica that is least behind, of those that are linked to the master. */
export function replicaOf(view: ClusterView): Found {
  const master = masterOf(view).node;
  const masterState = view.nodes.find(({ node }) => node.name === master?.name)?.redis?.state;
  const candidates = view.nodes.flatMap(({ node, redis }) => {
    const state = redis?.state;
    if (state?.role !== "replica" || state.loading || state.syncing) return [];
    const linked = state.link === "up" && master !== undefined && sameEndpoint(state.master, redisEndpoint(master));
    return [{ node, linked, behind: lagBehind(masterState, state, node).bytes ?? 0 }];
  });
  const [linked] = candidates.filter((each) => each.linked).sort((a, b) => a.behind - b.behind);
  if (linked) return { node: linked.node };
  const [any] = candidates;
  if (!any) return {};
  return { node: any.node, warning: `${any.node.name} is not linked to the master: what it holds may be old` };
}

/** Runs redis-cli on this terminal. Ctrl-C belongs to redis-cli: the shell sends it to both, and we wait for it to end. */
function execute(program: string, args: string[], password: string): Promise<number> {
  const ignore = (): void => undefined;
  process.on("SIGINT", ignore);
  return new Promise<number>((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, REDISCLI_AUTH: password } });
    child.once("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT";
      reject(
        missing ? new UsageError(`${program} is not installed; on Debian: apt-get install ${toolsOf(program)}`) : error,
      );
    });
    child.once("close", (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  }).finally(() => process.off("SIGINT", ignore));
}

const toolsOf = (program: string): string => (program === "valkey-cli" ? "valkey-tools" : "redis-tools");
