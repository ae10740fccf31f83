import net from "node:net";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { Connector } from "../../cluster/connector.ts";

it("a second error of one socket ends no process", async () => {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const redis = new Redis({ host: "127.0.0.1", port, Connector, lazyConnect: true, retryStrategy: () => null });
  const seen: string[] = [];
  redis.on("error", (error: Error) => seen.push(error.message));
  const connected = redis.connect().catch((error: Error) => error.message);
  await new Promise((resolve) => redis.once("connect", resolve));
  redis.stream.emit("error", new Error("one"));
  // Nobody listens for it any more but the connector: with ioredis's own, this throws.
  expect(() => redis.stream.emit("error", new Error("two"))).not.toThrow();
  expect(seen).toEqual(["one"]);
  redis.disconnect();
  await connected;
  server.close();
});
