import { describe, expect, it } from "vitest";
import { environments } from "../../environments/index.ts";
import { InvalidEnvironmentError, parseEnvironment, parseEnvironments } from "../../environments/parse.ts";
import { awsInput, localInput, nodeOf, sshInput } from "./inputs.ts";

const computerMemoryMb = 16_384;

/** Any change to the value then throws. */
function deepFrozen<T>(value: T): T {
  if (typeof value === "object" && value !== null)
    for (const part of Object.values(Object.freeze(value))) deepFrozen(part);
  return value;
}

describe("the environments of this checkout", () => {
  it("are valid and carry the name of their file", async () => {
    expect(environments.map(({ name }) => name)).toEqual(["local", "local-pair", "lab", "dev", "staging", "prod"]);
    for (const { name } of environments) {
      const file = (await import(`../../environments/${name}.ts`)) as Record<string, { name: string }>;
      expect(Object.values(file).map((input) => input.name)).toEqual([name]);
    }
  });
});

describe("defaults", () => {
  it("fill everything that is left out", () => {
    expect(parseEnvironment(localInput(), { computerMemoryMb })).toEqual({
      name: "base",
      project: "redis-ha",
      target: { kind: "local" },
      backend: { kind: "local" },
      engine: "redis",
      zones: Object.fromEntries(
        ["a", "b", "c"].map((zone, index) => [
          zone,
          {
            nodes: [
              {
                name: `redis-${zone}`,
                runs: ["redis", "sentinel"],
                promotable: true,
                port: 6501 + index,
                sentinelPort: 26501 + index,
              },
            ],
          },
        ]),
      ),
      settings: {
        maxMemoryMb: 100,
        maxMemoryPolicy: "noeviction",
        appendFsync: "everysec",
        replBacklogMb: 64,
        downAfterMs: 2000,
        failoverTimeoutMs: 10_000,
        minReplicasMaxLagSeconds: 2,
        onMasterCrash: "promote",
        redisConf: {},
      },
      access: {
        tls: true,
        clientCertificates: false,
        app: { keys: ["*"], channels: ["[^_]*"] },
        reader: { keys: ["*"], channels: ["[^_]*"] },
      },
    });
  });

  it("of a group stay when one of its fields is given", () => {
    const input = localInput();
    input.settings = { maxMemoryMb: 100, downAfterMs: 5000 };
    expect(parseEnvironment(input, { computerMemoryMb }).settings).toEqual({
      maxMemoryMb: 100,
      maxMemoryPolicy: "noeviction",
      appendFsync: "everysec",
      replBacklogMb: 64,
      downAfterMs: 5000,
      failoverTimeoutMs: 10_000,
      minReplicasMaxLagSeconds: 2,
      onMasterCrash: "promote",
      redisConf: {},
    });
    expect(parseEnvironment(sshInput()).target).toEqual({ ...sshInput().target, port: 22 });
  });

  it("do not replace what is given", () => {
    const input = localInput();
    input.engine = "valkey";
    input.project = "shop";
    nodeOf(input, "c").promotable = false;
    input.settings = {
      maxMemoryMb: 200,
      maxMemoryPolicy: "allkeys-lru",
      appendFsync: "always",
      replBacklogMb: 128,
      downAfterMs: 5000,
      failoverTimeoutMs: 20_000,
      quorum: 3,
      minReplicasToWrite: 2,
      minReplicasMaxLagSeconds: 10,
      onMasterCrash: "promote",
      redisConf: { timeout: "0" },
    };
    const environment = parseEnvironment(input, { computerMemoryMb });
    expect(environment).toMatchObject(input);
    expect(environment.settings).toEqual(input.settings);
  });

  it("are not shared between environments", () => {
    const [one, other] = parseEnvironments([localInput(), sshInput()], { computerMemoryMb });
    if (!one || !other) throw new Error("two environments in, fewer out");
    one.settings.redisConf["timeout"] = "1";
    one.zones["a"]?.nodes[0]?.runs.pop();
    expect(other.settings.redisConf).toEqual({});
    expect(one.zones["b"]?.nodes[0]?.runs).toEqual(["redis", "sentinel"]);
    expect(other.zones["a"]?.nodes[0]?.runs).toEqual(["redis", "sentinel"]);
  });
});

describe("parsing", () => {
  it("leaves its input alone and gives the same result each time", () => {
    const inputs = () => [localInput(), sshInput(), awsInput()];
    const frozen = deepFrozen(inputs());
    expect(parseEnvironments(frozen, { computerMemoryMb })).toEqual(parseEnvironments(inputs(), { computerMemoryMb }));
    expect(frozen).toEqual(inputs());
  });

  it("keeps the order of environments and zones", () => {
    const input = localInput();
    input.zones = {
      c: input.zones["c"] ?? { nodes: [] },
      a: input.zones["a"] ?? { nodes: [] },
      b: input.zones["b"] ?? { nodes: [] },
    };
    const parsed = parseEnvironments([sshInput(), input], { computerMemoryMb });
    expect(parsed.map(({ name }) => name)).toEqual(["hosts", "base"]);
    expect(Object.keys(parsed[1]?.zones ?? {})).toEqual(["c", "a", "b"]);
  });

  it("takes this computer's memory when none is given", () => {
    const input = localInput();
    input.settings.maxMemoryMb = 2 ** 40;
    expect(() => parseEnvironment(input)).toThrow(/more than 45 % of this computer's \d+ MiB/);
  });

  it("collects the problems of shape, of rules and between environments in one error", () => {
    const misshapen = { ...sshInput(), engine: "keydb" as "redis" };
    const unsound = localInput();
    unsound.settings.quorum = 1;
    const clashing = { ...localInput(), name: "other" };
    for (const zone of ["b", "c"]) Object.assign(nodeOf(clashing, zone), { port: zone === "b" ? 6602 : 6603 });
    for (const [index, zone] of ["a", "b", "c"].entries()) nodeOf(clashing, zone).sentinelPort = 26601 + index;

    const problems = [
      { path: "environments/hosts.ts: engine", message: '"keydb" is unknown; use one of redis, valkey' },
      {
        path: "environments/base.ts: settings.quorum",
        message: "1 of 3 Sentinels is no majority; use 2, or leave it out",
      },
      {
        path: "environments/other.ts: zones.a.nodes[0].port",
        message:
          "6501 is taken by redis-a of environments/base.ts (zones.a.nodes[0].port), and both run on this computer; use another port",
      },
    ];
    const error = thrownBy(() => parseEnvironments([misshapen, unsound, clashing], { computerMemoryMb }));
    expect(error).toBeInstanceOf(InvalidEnvironmentError);
    expect(error).toMatchObject({
      name: "InvalidEnvironmentError",
      problems,
      message: problems.map(({ path, message }) => `${path}: ${message}`).join("\n"),
    });
  });
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
