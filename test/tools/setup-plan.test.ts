import { describe, expect, test } from "vitest";

import { messageFor } from "../../tools/setup/messages.mjs";
import { decide, type Facts } from "../../tools/setup/plan.mjs";

const nothing = { found: null, rejected: [] };

/** A computer that has everything, but for what the test says. */
function computer(differences: Partial<Facts>): Facts {
  const found = (path: string, version: string) => ({ found: { path, version }, rejected: [] });
  return {
    computer: { platform: "linux", root: true, apt: true, systemd: true },
    node: { path: "/usr/bin/node", version: "20.20.2" },
    npm: "/usr/bin/npm",
    packagesMisfit: null,
    redisServer: found("/usr/bin/redis-server", "7.0.15"),
    redisSentinel: found("/usr/bin/redis-sentinel", "7.0.15"),
    offeredRedis: null,
    redisUnderWay: false,
    terraform: { found: { path: "/usr/bin/terraform", version: "1.11.4", name: "terraform" }, rejected: [] },
    terragrunt: found("/usr/bin/terragrunt", "1.1.3"),
    go: null,
    pinned: { node: "^20.19.0 || ^22.12.0", terragrunt: "1.1.3", go: "1.26" },
    ...differences,
  };
}

const noRedis = { redisServer: nothing, redisSentinel: nothing };
const noRoot = { platform: "linux", root: false, apt: true, systemd: true };
const mac = { platform: "darwin", root: false, apt: false, systemd: false };
const fedora = { ...noRoot, root: true, apt: false };
const go = { found: { path: "/usr/local/go/bin/go", version: "1.26.8" }, rejected: [] };

describe("set-up does by itself", () => {
  test.each([
    ["nothing on a computer that has all", {}, []],
    ["npm packages that do not fit", { packagesMisfit: "node_modules is missing" }, ["npm packages"]],
    ["Redis as root on Debian, going by its lists", { ...noRedis, offeredRedis: "7.0.15" }, ["redis"]],
    ["Redis as root on Debian with empty lists", { ...noRedis, offeredRedis: null }, ["redis"]],
    ["Redis when only Sentinel is missing", { redisSentinel: nothing, offeredRedis: "7.0.15" }, ["redis"]],
    ["Redis whose installation was killed", { redisUnderWay: true }, ["redis"]],
    ["Terragrunt with Go", { terragrunt: nothing, go }, ["terragrunt"]],
    ["nothing for a Terragrunt that is left out", { terragrunt: null }, []],
    [
      "Terragrunt with Go beside one that is too old",
      { terragrunt: { found: null, rejected: [{ path: "/usr/bin/terragrunt", version: "0.99.1" }] }, go },
      ["terragrunt"],
    ],
    [
      "all of it, Redis first",
      { ...noRedis, packagesMisfit: "x", terragrunt: nothing, go },
      ["redis", "npm packages", "terragrunt"],
    ],
  ] satisfies [string, Partial<Facts>, string[]][])("%s", (_, differences, steps) => {
    expect(decide(computer(differences))).toEqual({ problems: [], steps });
  });
});

describe("the user is told", () => {
  test.each<[string, Partial<Facts>, string[]]>([
    [
      "of a Node that is too old",
      { node: { path: "/usr/bin/node", version: "20.18.3" } },
      ["Node 20 (>= 20.19.0) or 22 (>= 22.12.0): this is 20.18.3 (/usr/bin/node)", "nvm install 22"],
    ],
    ["of a Node that is too new", { node: { path: "/opt/node", version: "24.1.0" } }, ["this is 24.1.0"]],
    [
      "of npm, when packages are to be installed",
      { npm: null, packagesMisfit: "node_modules is missing" },
      ["npm: not on PATH"],
    ],
    [
      "how to install Redis without root",
      { ...noRedis, computer: noRoot, offeredRedis: "7.0.15" },
      [
        "redis-server and redis-sentinel >= 7.0: not on PATH",
        "     sudo apt-get install redis-server redis-sentinel\n",
        "     sudo systemctl disable --now redis-server redis-sentinel\n",
      ],
    ],
    [
      "how to keep services off without systemd",
      { ...noRedis, computer: { ...noRoot, systemd: false } },
      ["sudo service $it stop; sudo update-rc.d $it disable"],
    ],
    [
      "that the distribution's Redis is too old, even as root",
      { ...noRedis, offeredRedis: "6.0.16" },
      ["your system's packages have only 6.0.16", "     apt-get install redis-server"],
    ],
    [
      "that an own Redis is too old: it is not replaced",
      {
        redisServer: { found: null, rejected: [{ path: "/usr/local/bin/redis-server", version: "6.2.1" }] },
        offeredRedis: "7.0.15",
      },
      ["/usr/local/bin/redis-server is 6.2.1"],
    ],
    ["how to install Redis on macOS", { ...noRedis, computer: mac }, ["     brew install redis\n"]],
    ["where to get Redis elsewhere", { ...noRedis, computer: fedora }, ["https://redis.io/docs/"]],
    [
      "where to get Terraform",
      { terraform: nothing },
      [
        "Terraform >= 1.11 or OpenTofu >= 1.10: not on PATH",
        "https://developer.hashicorp.com/terraform/install",
        "https://opentofu.org/docs/intro/install/",
      ],
    ],
    [
      "which Terraform is too old",
      {
        terraform: {
          found: null,
          rejected: [
            { path: "/usr/bin/terraform", version: "1.9.8" },
            { path: "/usr/bin/tofu", version: null },
          ],
        },
      },
      ["/usr/bin/terraform is 1.9.8, /usr/bin/tofu tells no version"],
    ],
    [
      "which variable names a wrong Terraform",
      { terraform: { found: null, rejected: [], setBy: "TERRAFORM_BINARY_NAME=terrafrom" } },
      ["TERRAFORM_BINARY_NAME=terrafrom is set, but names no program", "unset TERRAFORM_BINARY_NAME"],
    ],
    [
      "that two variables disagree",
      { terraform: { found: null, rejected: [], conflict: "A=1 and B=2 name different programs" } },
      ["A=1 and B=2 name different programs", "unset TERRAFORM_BINARY_NAME TG_TF_PATH"],
    ],
    [
      "both ways to Terragrunt",
      { terragrunt: nothing, go: nothing },
      [
        "Terragrunt >= 1.1.2: not on PATH; nor Go >= 1.26 to build it: not on PATH",
        "https://github.com/gruntwork-io/terragrunt/releases/tag/v1.1.3",
        "SHA256SUMS",
        "https://go.dev/doc/install",
      ],
    ],
    [
      "which Go is too old",
      { terragrunt: nothing, go: { found: null, rejected: [{ path: "/usr/bin/go", version: "1.19.8" }] } },
      ["/usr/bin/go is 1.19.8"],
    ],
  ])("%s", (_, differences, texts) => {
    const { problems, steps } = decide(computer(differences));
    expect(steps).toEqual([]);
    expect(problems).toHaveLength(1);
    const message = messageFor(problems);
    for (const text of texts) expect(message).toContain(text);
    expect(message).toContain("One thing is missing on this computer:");
  });

  test("everything at once, in one message", () => {
    const { problems } = decide(
      computer({
        ...noRedis,
        computer: mac,
        node: { path: "/node", version: "18.0.0" },
        npm: null,
        packagesMisfit: "x",
        terraform: nothing,
        terragrunt: nothing,
        go: nothing,
      }),
    );
    const message = messageFor(problems);
    expect(message).toContain("5 things are missing on this computer:");
    expect(message.match(/^\d\. .*?(?=:)/gm)).toEqual([
      "1. Node 20 (>= 20.19.0) or 22 (>= 22.12.0)",
      "2. redis-server and redis-sentinel >= 7.0",
      "3. npm",
      "4. Terraform >= 1.11 or OpenTofu >= 1.10",
      "5. Terragrunt >= 1.1.2",
    ]);
  });
});
