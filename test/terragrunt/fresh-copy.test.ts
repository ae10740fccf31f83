import fs from "node:fs/promises";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createCheckout, threeNodes } from "../support/checkout.ts";
import { describeWithTerragrunt, projectRoot } from "./project-copy.ts";

describeWithTerragrunt("in a clone with the real synth", () => {
  test("several units at once synthesize and plan their nodes; afterwards nothing is synthesized again", async () => {
    const clone = await createCheckout(threeNodes("local", 22_900));
    onTestFinished(() => clone.remove());
    await clone.synth(); // writes the units
    await fs.rm(path.join(clone.root, "cdktf.out"), { recursive: true });
    const plan = (zone: string) =>
      clone.run(path.join(clone.root, "node_modules/.bin/terragrunt"), ["plan"], {
        cwd: path.join(clone.root, "terragrunt/local", `zone-${zone}`),
        env: { CDKTF_OUTDIR: "elsewhere", TG_NO_COLOR: "true" },
      });

    const plans = await Promise.all(["a", "b", "c"].map(plan));

    for (const [index, letter] of ["a", "b", "c"].entries()) {
      expect(plans[index]?.all).toContain(`["redis-${letter}"] will be created`);
      expect(plans[index]).toMatchObject({ code: 0 });
      expect(plans[index]?.all).not.toContain(projectRoot);
    }
    const stamp = path.join(clone.root, "cdktf.out/.stamp");
    const { mtimeMs } = await fs.stat(stamp);

    const again = await plan("c");

    expect(again.all).not.toContain("Downloading Terraform configurations");
    expect((await fs.stat(stamp)).mtimeMs).toBe(mtimeMs);
  });
});
