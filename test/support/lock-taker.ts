import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { nodeFolderAt } from "../../agent/node-folder.ts";
import { speakAsAgent } from "../../agent/secrets.ts";
import { type Group, withLinks } from "../../cluster/links.ts";
import { ClusterLock } from "../../cluster/lock.ts";

async function answer(lock: ClusterLock | undefined): Promise<void> {
  console.log(
    await lock?.hold().then(
      () => "holds",
      (error: Error) => `${error.name}: ${error.message}`,
    ),
  );
}

/**
 * Run as a program, `lock-taker.ts <group as JSON> <rounds> <marker> <folder of a node>`: takes the lock so often, and makes a file while it
 * has it, which nobody else may have made. 0 rounds: takes it, says "held", and answers each line whether it still holds.
 */
const [group = "", rounds = "0", marker = "", folder = ""] = process.argv.slice(2);
speakAsAgent((JSON.parse(group) as Group).nodes, nodeFolderAt(folder));
await withLinks(
  JSON.parse(group) as Group,
  async (links) => {
    if (rounds === "0") {
      const lock = await ClusterLock.take(links, "test-of-a-holder", { waitMs: 60_000 });
      console.log(lock ? "held" : "no majority answers");
      process.stdin.on("data", () => void answer(lock));
      await delay(120_000);
    }
    for (let round = 0; round < Number(rounds); round++) {
      const lock = await ClusterLock.take(links, "test-of-takers", { waitMs: 30_000 });
      if (!lock) throw new Error("no majority answers");
      // Fails if it is there: somebody else has the lock too.
      fs.writeFileSync(marker, String(process.pid), { flag: "wx" });
      await delay(Math.random() * 20);
      await lock.hold();
      fs.rmSync(marker);
      await lock.release();
      console.log(`round ${round}`);
    }
  },
  { timeoutMs: 2000 },
);
