import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { checkout, choose, type Choose, type CommonOptions, knownNodes } from "./choice.ts";
import { command, exitCodes, help } from "./command.ts";
import { readInventory, UsageError } from "./environment-choice.ts";
import { progress } from "./output.ts";
import { addPlan } from "./plan-command.ts";
import { addSecrets } from "./secrets-commands.ts";
import { addState } from "./state-commands.ts";

/**
 * Runs one command of the operator. Never throws for what a user can do wrong.
 * @param find finds the environment that is meant @default - by the checkout
 */
export const run = (argv: string[], find: Choose = choose): Promise<number> =>
  runProgram(argv, (done) => buildProgram(done, find));

/** @param build makes the program, which tells its exit code */
export async function runProgram(argv: string[], build: (done: (code: number) => void) => Command): Promise<number> {
  let code = 0;
  const program = build((result) => (code = result));
  try {
    if (argv.length === 0) program.help({ error: true });
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    // Help that was asked for is a result; everything else that commander throws is a wrong call.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    progress(`redis-ha: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function buildProgram(done: (code: number) => void, choose: Choose): Command {
  const program = new Command("redis-ha")
    .description("Looks after the highly available Redis clusters of this checkout.")
    .exitOverride()
    .addHelpText("after", `\nEach command has its own help, with examples: npx redis-ha status --help\n${exitCodes}`);

  command(program, "status", "Show every node: role, offset, lag, and whom its Sentinel names")
    .addHelpText(
      "after",
      help([
        ["npx redis-ha status", "the table"],
        ["npx redis-ha status --env local --json | jq -r .master", "the master's name; docs/json.md has every field"],
      ]),
    )
    .action(async (options: CommonOptions) => {
      const { status } = await import("./status.ts");
      const { chosen, root, hosts } = choose(options);
      const rotations = async () => (await import("./rotate.ts")).underWay(chosen, root);
      done(await status(chosen, { hosts, json: options.json === true, rotations }));
    });

  command(program, "inventory", "List the nodes that the environments describe, for people, scripts or Ansible")
    .option("--ansible", "print an inventory for Ansible, of all environments unless --env names one")
    .option("--live", "with --ansible: ask the servers, and add groups with the present master and its replicas")
    .option("--list", "with --ansible: what is printed anyway; Ansible calls its inventory scripts with it")
    .option("--host <name>", "with --ansible: only the variables of this host")
    .addHelpText(
      "after",
      help([
        ["npx redis-ha inventory", "the table; what runs just now is shown by status"],
        ["npx redis-ha inventory --json | jq -r '.nodes[].address'", "for scripts; docs/json.md has every field"],
        ["ansible-inventory -i ansible/inventory --graph", "Ansible calls the script, and that calls this command"],
        ["npx redis-ha inventory --ansible --env local --live", "what Ansible gets of one environment"],
      ]),
    )
    .action(async (options: InventoryFlags) => {
      const root = checkout();
      const { inventory } = await import("./inventory.ts");
      done(await inventory(readInventory(root), root, options));
    });

  addPlan(program, done);

  command(program, "verify", "Cross-check every server and Sentinel against each other and against what was applied")
    .option("--wait <seconds>", "keep looking until everything holds, at most this long", seconds, 0)
    .addHelpText(
      "after",
      help([
        ["npx redis-ha verify", "one line a check; what does not hold, with what mends it"],
        ["npx redis-ha verify --wait 30", "after a change: wait until the cluster has settled"],
        ["npx redis-ha verify --json | jq '.checks[] | select(.holds | not)'", "for scripts"],
      ]),
    )
    .action(async (options: CommonOptions & { wait: number }) => {
      const { chosen, root, hosts } = choose(options);
      const { verify } = await import("./verify.ts");
      done(await verify(chosen, { root, hosts, json: options.json === true, waitSeconds: options.wait }));
    });

  command(program, "converge", "Make every node what it was last told to be; touches nothing that already is")
    .option("--zone <zone>", "only the nodes of this zone")
    .option("--after-apply", "Terraform has just applied: bring back a node whose folder is lost, even if all are")
    .addHelpText(
      "after",
      help([
        ["npx redis-ha converge", "starts what is down, mends what drifted"],
        ["npx redis-ha converge --env local --zone b", "one zone"],
      ]),
    )
    .action(async (options: CommonOptions & { zone?: string; afterApply?: boolean }) => {
      const { chosen, root, hosts } = choose(options);
      const { converge } = await import("./converge.ts");
      done(
        await converge(chosen, {
          root,
          hosts,
          json: options.json === true,
          zone: options.zone,
          afterApply: options.afterApply === true,
        }),
      );
    });

  command(program, "failover", "Hand the master's role over to a replica, without losing a write")
    .option("--to <node>", "the node that becomes master (default: the replica that has most)")
    .addHelpText(
      "after",
      help([
        ["npx redis-ha failover", "about 0.1 s without writes; refuses, with the reason, when no replica is in sync"],
        ["npx redis-ha failover --to redis-b", "before maintenance of the machine of the present master"],
      ]),
    )
    .action(async (options: CommonOptions & { to?: string }) => {
      const { chosen, root, hosts } = choose(options);
      knownNodes(chosen, options.to === undefined ? [] : [options.to]);
      const { failover } = await import("./failover.ts");
      done(await failover(chosen, { root, hosts, json: options.json === true, to: options.to }));
    });

  command(program, "roll", "Restart every server and Sentinel, one at a time, the master last and after a hand-over")
    .argument("[nodes...]", "only these nodes")
    .option("--reboot", "reboot the hosts instead, for a new kernel")
    .addHelpText(
      "after",
      help([
        ["npx redis-ha roll", "after an upgrade of the server's package: every node runs the new program"],
        ["npx redis-ha roll redis-b", "one node"],
        ["npx redis-ha roll --reboot --env lab", "after an upgrade of the hosts' kernel"],
      ]),
    )
    .action(async (nodes: string[], options: CommonOptions & { reboot?: boolean }) => {
      const { chosen, root, hosts } = choose(options);
      knownNodes(chosen, nodes);
      const { roll } = await import("./failover.ts");
      done(
        await roll(chosen, {
          root,
          hosts,
          json: options.json === true,
          reboot: options.reboot === true,
          ...(nodes.length > 0 ? { nodes } : {}),
        }),
      );
    });

  command(program, "drill", "Break the cluster on purpose while clients read and write, and count what they lose")
    .argument("[fault]", "what to break; --list shows all")
    .option("--list", "print the faults and what each does")
    .option(
      "--clients <kinds>",
      "ioredis options of the clients: defaults, recommended, or both",
      "defaults,recommended",
    )
    .option("--rate <rate>", "paced: a write every 3 ms; full: as many as client and cluster can do", "paced")
    .option("--wait1", "besides, writers that ask for a replica's confirmation (WAIT 1)")
    .option("--seconds <seconds>", "read and write at least this long after the fault", seconds)
    .option("--yes", "do not ask before the cluster is broken")
    .addHelpText(
      "after",
      help([
        ["npx redis-ha drill --list", "what can be broken"],
        [
          "npx redis-ha drill hand-over",
          "how long writes wait for a planned change of the master, and that none is lost",
        ],
        ["npx redis-ha drill crash --wait1", "kill -9 of the master; with and without WAIT 1"],
        [
          "npx redis-ha drill crash --rate full --clients recommended",
          "the same while clients write as fast as they can",
        ],
        [
          "npx redis-ha drill power-cycle --yes --json | jq '.writers[].lost'",
          "for scripts; docs/json.md has every field",
        ],
      ]),
    )
    .action(async (fault: string | undefined, options: CommonOptions & DrillFlags) => {
      const { drill, listFaults } = await import("./drill.ts");
      if (options.list) return done(listFaults(options.json === true));
      const { chosen, root, hosts } = choose(options);
      done(await drill(chosen, { root, hosts }, fault, options));
    });

  command(program, "repair", "Mend lost or wrong state of Sentinels and roles, one step at a time, without losing data")
    .addHelpText(
      "after",
      help([
        ["npx redis-ha repair", "what verify names with this as its remedy; says what is left, and what decides it"],
        ["npx redis-ha repair --json | jq -r '.left[]'", "for scripts"],
      ]),
    )
    .action(async (options: CommonOptions) => {
      const { chosen, root, hosts } = choose(options);
      const { repair } = await import("./repair.ts");
      done(await repair(chosen, { root, hosts, json: options.json === true }));
    });

  command(program, "elect", "Choose the master by hand, for when nobody can know whose data is the newest")
    .argument("[node]", "the node that becomes master (default: only show what each node has)")
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      help([
        ["npx redis-ha elect", "what each node has, and how to decide; changes nothing"],
        ["npx redis-ha elect redis-b", "asks, then makes redis-b master; the others take its data"],
        ["npx redis-ha elect redis-b --yes", "for scripts"],
      ]),
    )
    .action(async (node: string | undefined, options: CommonOptions & { yes?: boolean }) => {
      const { chosen, root, hosts } = choose(options);
      knownNodes(chosen, node === undefined ? [] : [node]);
      const { elect } = await import("./elect.ts");
      const { json = false, yes = false } = options;
      done(await elect(chosen, { root, hosts, json, yes, ...(node === undefined ? {} : { node }) }));
    });

  command(program, "connect", "Print how to reach the master, or a read replica", "print client options for ioredis")
    .option("--exec", "run redis-cli instead of printing the command")
    .option("--replica", "a read replica instead of the master")
    .addOption(
      new Option("--user <user>", "log in as this user (default: app, with --replica reader)").choices(consoleUsers),
    )
    .option("--ioredis", "print client options as TypeScript, with the reason for each")
    .argument("[args...]", "arguments for redis-cli, after --")
    .addHelpText(
      "after",
      help([
        ["npx redis-ha connect", "prints: REDISCLI_AUTH=... redis-cli -h ... -p ..."],
        ["npx redis-ha connect --exec", "a prompt on the master"],
        ["npx redis-ha connect --exec -- set greeting hello", "one command; redis-cli's exit code is passed on"],
        ["npx redis-ha connect --replica --exec -- get greeting", "reads from a replica"],
        ["npx redis-ha connect --user admin --exec -- slowlog get", "as one who may do everything"],
        ["npx redis-ha connect --ioredis > redis.ts", "a client that survives failovers"],
        ["npx redis-ha connect --json", "the same as one document for new Redis(JSON.parse(...))"],
      ]),
    )
    .action(async (args: string[], options: CommonOptions & ConnectFlags) => {
      const { chosen, root, hosts } = choose(options);
      const { connect } = await import("./connect.ts");
      done(await connect(chosen, args, options, { root, hosts }));
    });

  addSecrets(program, done);
  addState(program, done);

  return program;
}

/** Who has something to do in redis-cli. */
export const consoleUsers = ["app", "reader", "monitor", "admin"] as const;

export interface ConnectFlags {
  user?: (typeof consoleUsers)[number];
  exec?: boolean;
  replica?: boolean;
  ioredis?: boolean;
  json?: boolean;
}

export interface InventoryFlags extends CommonOptions {
  ansible?: boolean;
  live?: boolean;
  list?: boolean;
  host?: string;
}

export interface DrillFlags {
  list?: boolean;
  json?: boolean;
  clients: string;
  rate: string;
  wait1?: boolean;
  seconds?: number;
  yes?: boolean;
}

export function seconds(value: string): number {
  const number = Number(value);
  if (!/^\d+(\.\d+)?$/.test(value) || number > 3600) throw new InvalidArgumentError("Use seconds from 0 to 3600.");
  return number;
}
