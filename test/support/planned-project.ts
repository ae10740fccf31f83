import fs from "node:fs/promises";
import path from "node:path";
import { readInventory } from "../../cli/environment-choice.ts";
import { plansIn } from "../../cli/plan-sources.ts";
import type { Environment } from "../../environments/environment.ts";
import { environmentOutcome, type EnvironmentOutcome } from "../../plan/environment-outcome.ts";
import { RecordedProject } from "./recorded-project.ts";

/** Synthesized stacks of the environment `demo`, and Terraform's plans of them as Terragrunt writes them. */
export class PlannedProject {
  private constructor(
    readonly project: RecordedProject,
    /** Where the plans are. */
    readonly plans: string,
  ) {}

  /** Gone when the test is over. */
  static async create(): Promise<PlannedProject> {
    const project = await RecordedProject.create();
    await fs.mkdir(project.folder, { recursive: true });
    await fs.writeFile(path.join(project.folder, "cdktf.json"), "{}");
    await fs.cp(path.resolve("tools"), path.join(project.folder, "tools"), { recursive: true });
    return new PlannedProject(project, path.join(project.folder, "plans"));
  }

  get root(): string {
    return this.project.folder;
  }

  /** Applies one of its zones. */
  async apply(environment: Environment, zone = "a"): Promise<void> {
    await this.project.synth(environment);
    await this.project.apply(`demo-zone-${zone}`);
  }

  /** Plans what is synthesized. @param args more for `terraform plan` */
  async plan(zone = "a", ...args: string[]): Promise<void> {
    const stack = `demo-zone-${zone}`;
    await this.project.run(stack, "init");
    await this.project.run(stack, "plan", "-out=it.tfplan", ...args);
    await this.write(zone, await this.project.run(stack, "show", "-json", "it.tfplan"));
  }

  async write(zone: string, json: string): Promise<void> {
    await fs.mkdir(path.join(this.plans, `zone-${zone}`), { recursive: true });
    await fs.writeFile(path.join(this.plans, `zone-${zone}`, "tfplan.json"), json);
  }

  /** Of one zone, whose plan is there. */
  outcome(zone = "a"): EnvironmentOutcome {
    const { demo } = readInventory(this.root).environments;
    if (!demo) throw new Error("demo is not synthesized");
    const chosen = { environment: "demo", inventory: { ...demo, stacks: [`demo-zone-${zone}`] } };
    return environmentOutcome("demo", plansIn(this.plans, chosen, this.root));
  }

  /** What an apply of another description would do to the nodes of a zone. */
  async after(environment: Environment, zone = "a", ...args: string[]): Promise<EnvironmentOutcome> {
    await this.project.synth(environment);
    await this.plan(zone, ...args);
    return this.outcome(zone);
  }
}
