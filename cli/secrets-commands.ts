import { Argument, type Command } from "commander";
import { type Rotation, rotations } from "../secrets/rotations.ts";
import { checkout, choose, type CommonOptions } from "./choice.ts";
import { command, exitCodes, help } from "./command.ts";
import { type Chosen, chooseEnvironment, readInventory, UsageError } from "./environment-choice.ts";
import type { ImportFlags } from "./secrets-import.ts";

/** Adds `secrets init`, `import`, `list`, `show`, `authorities` and `rotate`. All but the last are about this computer's store, whatever the nodes do. */
export function addSecrets(program: Command, done: (code: number) => void): void {
  const secrets = program
    .command("secrets")
    .description("Make, import, list, show or replace the passwords, keys and certificates of an environment")
    .addHelpText(
      "after",
      `
They are kept outside the checkout and outside Terraform: docs/security.md says where, and who can read them.
They are made by themselves: on this computer when they are needed, for hosts at the first apply.
${exitCodes}`,
    );

  command(secrets, "init", "Make what is missing; what is there stays as it is")
    .addHelpText(
      "after",
      help([
        [
          "npx redis-ha secrets init --env lab",
          "to have them before the first apply of hosts, which makes what is missing by itself",
        ],
        ["npx redis-ha secrets init --env lab --json | jq -r '.made[]'", "for scripts: the names of what was made"],
      ]),
    )
    .action(async (options: CommonOptions) => {
      const { init } = await import("./secrets.ts");
      done(await init(...chosenIn(options), options.json === true));
    });

  command(secrets, "list", "List the names, with age and expiry; never a value")
    .addHelpText(
      "after",
      help([
        ["npx redis-ha secrets list", "the table"],
        [
          "npx redis-ha secrets list --json | jq -r '.secrets[] | select(.expires) | [.expires, .name] | @tsv' | sort",
          "which certificate expires first; docs/json.md has every field",
        ],
      ]),
    )
    .action(async (options: CommonOptions) => {
      const { list } = await import("./secrets.ts");
      done(await list(...chosenIn(options), options.json === true));
    });

  command(secrets, "show", "Print one value, and nothing else", false)
    .argument("<name>", "as list shows it")
    .addHelpText(
      "after",
      help([
        ["npx redis-ha secrets show users/app", "the password of the user app, for you to read"],
        [
          'REDISCLI_AUTH="$(npx redis-ha secrets show users/app)" redis-cli --user app ping',
          "for a program: from its environment, and not on its command line, which every user of the computer can see",
        ],
      ]),
    )
    .action(async (name: string, options: CommonOptions) => {
      const { show } = await import("./secrets.ts");
      done(await show(...chosenIn(options), name));
    });
  command(secrets, "authorities", "Print the certificates of all authorities that clients are to believe", false)
    .addHelpText(
      "after",
      help([["npx redis-ha secrets authorities > ca.crt", "what clients check the servers' certificates with"]]),
    )
    .action(async (options: CommonOptions) => {
      const { authorities } = await import("./secrets.ts");
      done(await authorities(...chosenIn(options)));
    });
  addImport(secrets, done);
  addRotate(secrets, done);
}

function addImport(secrets: Command, done: (code: number) => void): void {
  command(secrets, "import", "Use an authority, or a node's certificate, that you bring; checked before it is stored")
    .option("--authority <file>", "certificates of the authority, up to the one that has signed itself")
    .option(
      "--authority-key <file>",
      "its key: the nodes' certificates are made with it; without, each node needs --node",
    )
    .option("--node <name>", "the node that --certificate and --key are for")
    .option("--clients", "--certificate and --key are what clients show (clientCertificates)")
    .option("--certificate <file>", "its certificate, then those between it and the authority")
    .option("--key <file>", "its key, without a passphrase")
    .addHelpText(
      "after",
      `
All files are PEM. A certificate has to name its node, its address, localhost and 127.0.0.1, and to be for serverAuth and clientAuth.
Import the authority before the first apply: while nodes run, another one is refused.
${help([
  [
    "npx redis-ha secrets import --env lab --authority ca.crt --authority-key ca.key",
    "certificates for all nodes are made with it, by the next apply",
  ],
  [
    "npx redis-ha secrets import --env lab --authority ca.crt",
    "its key stays with you; says what each node's certificate has to name",
  ],
  [
    "npx redis-ha secrets import --env lab --node redis-a --certificate a.crt --key a.key",
    "its first, or a renewed one; then converge brings it to the node while it runs",
  ],
])}`,
    )
    .action(async (options: CommonOptions & ImportFlags) => {
      const { importFiles } = await import("./secrets-import.ts");
      done(await importFiles(...chosenIn(options), options, options.json === true));
    });
}

/** `secrets rotate`, which is about the nodes, too. */
function addRotate(secrets: Command, done: (code: number) => void): void {
  command(secrets, "rotate", "Replace passwords, certificates or their authority while everything runs")
    .addArgument(new Argument("[what]", "what to replace").choices(rotations).default("passwords"))
    .option("--finish", "let only the new ones be right from now on, after your clients have got them")
    .addHelpText(
      "after",
      help([
        ["npx redis-ha secrets rotate", "new passwords everywhere; the previous ones stay right"],
        ["npx redis-ha secrets rotate --finish", "when no client says the previous ones any more"],
        ["npx redis-ha secrets rotate certificates", "a new key and certificate for each node; clients notice nothing"],
        ["npx redis-ha secrets rotate authority", "a new authority, believed beside the present one"],
        [
          "npx redis-ha secrets rotate authority --finish",
          "when your clients believe both: certificates of the new one, and the previous one is believed no more",
        ],
      ]),
    )
    .action(async (what: Rotation, options: CommonOptions & { finish?: boolean }) => {
      if (what === "certificates" && options.finish)
        throw new UsageError("new certificates need no --finish: they are shown at once");
      const { rotate } = await import("./rotate.ts");
      done(await rotate(choose(options), what, { finish: options.finish === true, json: options.json === true }));
    });
}

function chosenIn(options: CommonOptions): [chosen: Chosen, root: string] {
  const root = checkout();
  return [chooseEnvironment(readInventory(root), options.env), root];
}
