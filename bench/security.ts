import { randomBytes } from "node:crypto";
import { Redis, type RedisOptions } from "ioredis";
import { speakAsAny } from "../agent/secrets.ts";
import { redisEndpoint } from "../cluster/answers.ts";
import { type Endpoint, parseInfo, withConnection } from "../cluster/connection.ts";
import { clusterView } from "../cluster/view.ts";
import { directLoginOf } from "../cli/client-options.ts";
import { type Checkout, createCheckout, inventoryIn, stateIn, threeNodes } from "../test/support/checkout.ts";
import { launchRedis, withFolder } from "../test/support/redis-process.ts";
import { storedClientLogins } from "../test/support/stored-secrets.ts";
import type { Figure } from "./figures.ts";
import { busyMachine, describeMachine } from "./machine.ts";
import { benchCommand, type BenchOptions, runBench, say } from "./program.ts";

/**
 * `npm run bench:security`: what a SET costs the processor of a server that is alone and asks nobody anything, of the master of a
 * cluster without TLS, and of one as it comes. The three are asked in turn, in the same run.
 */

const PORTS = { single: 18_901, plain: 18_910, secured: 18_940 };
/** As a service has them; each waits for its answer before it asks again. */
const CLIENTS = 50;
const SETS = 60_000;
const KEYS = 10_000;
const VALUE_BYTES = 100;
/** Much more than the values take. */
const ROOM = { maxMemoryMb: 500 };
/** Of design: HA against a single server, and TLS with users against the plain cluster. */
const BUDGETS = { ha: 1.35, tls: 1.7 };

const options = benchCommand(
  "npm run bench:security --",
  "Measures what users, replication and TLS cost a master per SET.",
)
  .parse()
  .opts<BenchOptions>();

interface Server {
  readonly endpoint: Endpoint;
  readonly login: RedisOptions;
}

await runBench(options, async (signal) => {
  const machine = await describeMachine();
  const busy = busyMachine();
  if (busy) say(busy);
  const { runs } = options;
  const checkout = await createCheckout(
    { ...threeNodes("plain", PORTS.plain, ROOM), access: { tls: false } },
    threeNodes("secured", PORTS.secured, ROOM),
  );
  try {
    return await withFolder(async (folder) => {
      const conf = `port ${PORTS.single}\nbind 127.0.0.1\nappendonly yes\nappendfsync everysec\nsave ""\n`;
      const single = await launchRedis({ folder, conf, port: PORTS.single });
      const servers: Record<keyof typeof PORTS, Server> = {
        single: { endpoint: { address: "127.0.0.1", port: single.port }, login: {} },
        plain: await started(checkout, "plain", false),
        secured: await started(checkout, "secured", true),
      };
      const samples: Record<keyof typeof PORTS, number[]> = { single: [], plain: [], secured: [] };
      for (let run = 0; run <= runs; run++) {
        for (const name of ["single", "plain", "secured"] as const) {
          signal.throwIfAborted();
          const cost = await microsecondsPerSet(servers[name]);
          say(`${name} ${run === 0 ? "warm-up" : `${run} of ${runs}`}: ${cost.toFixed(1)} µs`);
          if (run > 0) samples[name].push(cost);
        }
      }
      const ratio = (more: number[], less: number[]): number[] => more.map((cost, run) => cost / (less[run] as number));
      const figures: Figure[] = [
        { id: "single", what: "a single server, nobody logs in", unit: "µs", samples: samples.single },
        {
          id: "plain",
          what: "the master of three, with users, `access: { tls: false }`",
          unit: "µs",
          samples: samples.plain,
        },
        { id: "secured", what: "the master of three, with users and TLS", unit: "µs", samples: samples.secured },
        {
          id: "ha",
          what: "three without TLS: single",
          unit: "x",
          samples: ratio(samples.plain, samples.single),
          budget: BUDGETS.ha,
        },
        {
          id: "tls",
          what: "with TLS: without",
          unit: "x",
          samples: ratio(samples.secured, samples.plain),
          budget: BUDGETS.tls,
        },
      ];
      return { date: new Date().toISOString().slice(0, 10), machine, runs, figures };
    });
  } finally {
    await checkout.remove();
  }
});

async function started(checkout: Checkout, environment: string, tls: boolean): Promise<Server> {
  const { code, all } = await checkout.start(environment);
  if (code !== 0) throw new Error(all);
  const inventory = inventoryIn(checkout, environment);
  speakAsAny(stateIn(checkout, environment), environment, inventory.nodes);
  const { master } = await clusterView(environment, inventory);
  if (!master) throw new Error(`${environment} has no master`);
  return {
    endpoint: redisEndpoint(master),
    login: directLoginOf("master", storedClientLogins(checkout.store(environment), tls)),
  };
}

/** Processor time of the server, its own threads included, for each SET. */
async function microsecondsPerSet({ endpoint, login }: Server): Promise<number> {
  const clients = Array.from(
    { length: CLIENTS },
    () => new Redis({ host: endpoint.address, port: endpoint.port, ...login }),
  );
  try {
    const value = randomBytes(VALUE_BYTES);
    await Promise.all(clients.map((redis) => redis.set("key:0", value)));
    const before = await processorSeconds(endpoint);
    await Promise.all(
      clients.map(async (redis, lane) => {
        for (let set = lane; set < SETS; set += CLIENTS) await redis.set(`key:${set % KEYS}`, value);
      }),
    );
    return ((await processorSeconds(endpoint)) - before) * (1e6 / SETS);
  } finally {
    for (const redis of clients) redis.disconnect();
  }
}

async function processorSeconds(endpoint: Endpoint): Promise<number> {
  const info = parseInfo(await withConnection(endpoint, (redis) => redis.info("cpu"), 5000));
  return Number(info["used_cpu_user"]) + Number(info["used_cpu_sys"]);
}
