import { type Endpoint, withConnection } from "../../cluster/connection.ts";

/** Whether all that a server has acknowledged is in its append-only file: while the disk is busy, some of it is in memory only. */
export const hasItInFile = (server: Endpoint): Promise<boolean> =>
  withConnection(server, async (redis) => /aof_buffer_length:0\r/.test(await redis.info("persistence")), 3000);
