/** Of what machines reach, and are reached by, besides the servers. */
export const SSH_PORT = 22;
export const HTTPS_PORT = 443;
export const HTTP_PORT = 80;
