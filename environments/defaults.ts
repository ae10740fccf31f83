/** Where a node listens when its entry does not say so: ports on `ssh` and `aws`, the address on `local`. */
export const defaults = { redisPort: 6379, sentinelPort: 26379, localAddress: "127.0.0.1" } as const;
