export const SSH_PORT = 22;
/** Debian's packages come over either. */
export const WEB_PORTS = [443, 80] as const;
