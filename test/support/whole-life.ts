import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { findTerraform } from "../../tools/setup/binaries.mjs";
import type { Checkout, Ran } from "./checkout.ts";
import { KnownSecrets } from "./known-secrets.ts";
import { leaksBelow } from "./leaks.ts";
import { ProcessWatch } from "./process-watch.ts";

export interface LifeOptions {
  readonly checkout: Checkout;
  /** As it is described at first. */
  readonly environment: EnvironmentInput;
  /** Where its secrets will be: a folder with one file for each. */
  readonly store: string;
  /** For Terraform. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs a command where the servers can be reached. */
  readonly nearby: (...args: string[]) => Promise<Pick<Ran, "code" | "all">>;
}

/** All that an operator does with an environment, from its first apply to its end; what was said, and what processes showed. */
export class WholeLife {
  readonly secrets: KnownSecrets;
  readonly watch = new ProcessWatch();
  private readonly said = new Map<string, string>();
  private readonly env: Record<string, string>;

  constructor(private readonly options: LifeOptions) {
    this.secrets = KnownSecrets.begin(options.store);
    const { home } = this;
    // What programs leave in the user's own folders is looked at, too.
    this.env = {
      ...options.env,
      HOME: path.join(home, "user"),
      TMPDIR: path.join(home, "tmp"),
      // Where Terragrunt is built, once.
      XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache"),
    };
    for (const folder of ["user", "tmp"]) fs.mkdirSync(path.join(home, folder));
  }

  /** Everything that was written for this checkout's user. */
  get home(): string {
    return path.dirname(this.options.checkout.root);
  }

  /** Where Terraform works for the first of the zones. */
  get stack(): string {
    return path.join(this.options.checkout.root, "cdktf.out", "stacks", `${this.name}-zone-a`);
  }

  private get name(): string {
    return this.options.environment.name;
  }

  async create(): Promise<void> {
    await this.synth();
    const trace = { TF_LOG: "trace", TF_LOG_PATH: path.join(this.home, "trace.log") };
    await this.cdktf("deploy", 0, trace);
    expect(fs.readFileSync(trace.TF_LOG_PATH, "utf8")).toContain("local-exec");
    await this.redisHa("verify", "--wait", "60");
  }

  async look(): Promise<void> {
    for (const command of [
      ["status"],
      ["inventory"],
      ["inventory", "--ansible", "--live"],
      ["secrets", "list"],
      ["connect"],
      ["connect", "--ioredis"],
      // For as long as it takes to see its arguments and environment.
      ["connect", "--exec", "--", "-r", "5", "-i", "0.2", "ping"],
      ["connect", "--exec", "--user", "admin", "--", "acl", "list"],
    ])
      await this.redisHa(...command);
  }

  /** A setting is changed: first planned, then applied. */
  async change(): Promise<void> {
    this.describe({ "slowlog-max-len": "1024" });
    await this.terragrunt("plan");
    await this.showPlan();
    await this.terragrunt("apply", "-auto-approve");
    const { path: terraform } = await findTerraform();
    const state = await this.run("terraform show of the state", terraform, ["show", "-json"], { cwd: this.stack });
    expect(state).toContain("redis-a");
  }

  /** What Terraform would do next, as JSON: its own file is packed. */
  async showPlan(): Promise<void> {
    const { path: terraform } = await findTerraform();
    const cwd = this.stack;
    await this.run("terraform plan", terraform, ["plan", "-out=shown.tfplan"], { cwd });
    const plan = await this.run("terraform show of the plan", terraform, ["show", "-json", "shown.tfplan"], { cwd });
    expect(plan).toContain("redis-a");
  }

  async rotate(): Promise<void> {
    await this.redisHa("secrets", "rotate");
    await this.redisHa("status");
    await this.redisHa("secrets", "rotate", "--finish");
    await this.redisHa("verify", "--wait", "60");
  }

  async drill(): Promise<void> {
    const args = ["drill", "crash", "--wait1", "--yes", "--json"];
    const report = await this.say(args.join(" "), this.options.nearby(...args));
    fs.writeFileSync(path.join(this.home, "report.json"), report);
  }

  /** The servers refuse a setting, and go on as they were. */
  async fail(): Promise<void> {
    this.describe({ "slowlog-max-len": "1024", "proc-title-template": "{nonsense}" });
    await this.synth();
    expect(await this.cdktf("deploy", 1)).toContain("refuses proc-title-template");
  }

  destroy(): Promise<string> {
    return this.cdktf("destroy");
  }

  /** `<where>: <secret>`, of everything that is on this computer. @param allowed files that may have secrets in them, without the store's */
  async leaks(allowed: readonly string[] = []): Promise<string[]> {
    const { checkout, store } = this.options;
    const stored = fs.readdirSync(store, { recursive: true, encoding: "utf8" }).map((name) => path.join(store, name));
    return [
      ...[...this.said].flatMap(([what, text]) =>
        this.secrets.in(text, { hashes: what.startsWith("terra") }).map((name) => `output of ${what}: ${name}`),
      ),
      ...this.watch.leaks(this.secrets),
      ...(await leaksBelow(this.home, this.secrets, { allowed: [...allowed, ...stored] })),
      ...(await leaksBelow(checkout.root, this.secrets, { hashes: true })),
    ].filter((leak, index, all) => all.indexOf(leak) === index);
  }

  private describe(redisConf: Readonly<Record<string, string>>): void {
    const { checkout, environment } = this.options;
    checkout.describe({ ...environment, settings: { ...environment.settings, redisConf } });
  }

  private synth(): Promise<string> {
    return this.run("synth", "node_modules/.bin/tsx", ["main.ts"]);
  }

  private redisHa(...args: string[]): Promise<string> {
    const dashes = args.includes("--") ? args.indexOf("--") : args.length;
    const all = [
      ...args.slice(0, dashes),
      ...(args[0] === "inventory" ? [] : ["--env", this.name]),
      ...args.slice(dashes),
    ];
    return this.run(args.join(" "), "node_modules/.bin/redis-ha", all);
  }

  private cdktf(action: "deploy" | "destroy", code = 0, env = {}): Promise<string> {
    const args = [action, `${this.name}-*`, "--auto-approve", "--skip-synth", "--skip-provider-lock"];
    return this.run(`cdktf ${action}`, "node_modules/.bin/cdktf", args, { code, env });
  }

  private terragrunt(...args: string[]): Promise<string> {
    const { root } = this.options.checkout;
    const all = ["run-all", ...args, "--non-interactive"];
    const cwd = path.join(root, "terragrunt", this.name);
    return this.run(`terragrunt ${args[0]}`, path.join(root, "node_modules/.bin/terragrunt"), all, { cwd });
  }

  private run(
    what: string,
    command: string,
    args: string[],
    { code = 0, env = {}, cwd = this.options.checkout.root } = {},
  ): Promise<string> {
    const running = this.options.checkout.run(command, args, { cwd, env: { ...this.env, ...env } });
    return this.say(what, running, code);
  }

  /** Remembers what a command said, and the secrets that there are after it. */
  private async say(what: string, running: Promise<Pick<Ran, "code" | "all">>, code = 0): Promise<string> {
    const ended = await running;
    this.secrets.learn();
    this.said.set(what, `${this.said.get(what) ?? ""}${ended.all}`);
    expect(ended.code, `${what}: ${ended.all}`).toBe(code);
    return ended.all;
  }
}

/** Tests that live it but for its end, each from where the one before has left it. */
export function itIsLived(life: () => WholeLife): void {
  it("is made by cdktf deploy", () => life().create());
  it("is looked at by all commands", () => life().look());
  it("gets a changed setting by Terragrunt, after plans", () => life().change());
  it("gets other passwords", () => life().rotate());
  it("loses its master in a drill", () => life().drill());
  it("is refused a setting by its servers", () => life().fail());
}
